"""What these vendors cannot be asked, and answers of theirs that are none."""

import json

import pytest

from llmproxy.domain.errors import Broken, InvalidRequest
from llmproxy.infra.providers.near_openai.messages import SHORT_ID
from tests.fakes.calls import chat_call
from tests.unit.infra.providers.near_openai.asking import (
    JAMBA,
    MISTRAL,
    answered,
    near_openai,
    sent,
)

HELLO = {"messages": [{"role": "user", "content": "hi"}]}
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
PICTURE = {"messages": [{"role": "user", "content": [IMAGE]}]}
CUSTOM = {"type": "custom", "custom": {"name": "a"}}
LOOK = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("model_type", "body", "param"),
    [
        (MISTRAL, {**HELLO, "logit_bias": {"1": 1}}, "logit_bias"),
        (JAMBA, {**HELLO, "seed": 1}, "seed"),
        (JAMBA, {**HELLO, "tool_choice": "required"}, "tool_choice"),
        (
            JAMBA,
            {"messages": [{"role": "user", "content": [IMAGE]}]},
            "messages[0].content[0].type",
        ),
        (
            MISTRAL,
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].type",
        ),
        (MISTRAL, {"messages": [{"role": "function", "content": "a"}]}, "messages[0].role"),
        (MISTRAL, {"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        (MISTRAL, {**HELLO, "tools": [CUSTOM]}, "tools[0].type"),
        (MISTRAL, {**HELLO, "tools": [LOOK], "tool_choice": {"type": "custom"}}, "tool_choice"),
        (MISTRAL, {**HELLO, "tools": [LOOK], "tool_choice": "sometimes"}, "tool_choice"),
        (
            MISTRAL,
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}]},
            "messages[0].tool_calls",
        ),
    ],
)
def test_a_400_names_the_field(model_type: str, body: dict[str, object], param: str) -> None:
    """Nothing that cannot be said is left out quietly."""
    with pytest.raises(InvalidRequest) as caught:
        sent(near_openai(model_type), chat_call(body))

    assert caught.value.param == param


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{"index":0,"finish_reason":"stop"}]}',
        b'{"choices":[{"index":0,"message":{"content":"a"}}]}',
        b'{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"error"}]}',
    ],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    """It is a failure of the provider's, never an empty answer."""
    with pytest.raises(Broken):
        answered(near_openai(MISTRAL), chat_call(HELLO), answer)


def test_the_verb_depends_on_the_stream() -> None:
    """Two paths, and a prefix that is there already is not put there twice."""
    translation = near_openai(MISTRAL)
    plain, _ = sent(translation, chat_call(HELLO))
    streamed, _ = sent(translation, chat_call({**HELLO, "stream": True}))

    place = b"/v1/projects/p/locations/us-central1/publishers/mistralai/models/mistral-medium-3:"
    assert plain.target.head.startswith(b"POST " + place + b"rawPredict HTTP/1.1")
    assert streamed.target.head.startswith(b"POST " + place + b"streamRawPredict HTTP/1.1")
    assert plain.target.origin.host == "us-central1-aiplatform.googleapis.com"


@pytest.mark.parametrize("given", ["null", "", None])
def test_a_call_without_an_id_gets_one(given: str | None) -> None:
    """Two calls never share one, and Mistral takes it back."""
    call = {"id": given, "function": {"name": "look", "arguments": "{}"}}
    message = {"content": None, "tool_calls": [call, call]}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    whole = answered(near_openai(MISTRAL), chat_call(HELLO), json.dumps(answer).encode())
    ids = [each["id"] for each in whole["choices"][0]["message"]["tool_calls"]]

    assert len(set(ids)) == 2
    assert all(SHORT_ID.fullmatch(each) for each in ids)
