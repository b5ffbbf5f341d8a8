"""A request is read by what its provider understands; the rest is refused or named."""

import json
from typing import Any

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.long_tail.media import Media
from llmproxy.infra.providers.long_tail.reading import Read, read
from llmproxy.infra.providers.long_tail.understanding import Understood
from llmproxy.infra.wire.json_object import JsonObject
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document
from tests.fakes.upstream import call

USER = {"role": "user", "content": "Hello"}
UNDERSTOOD = Understood(
    frozenset(("temperature", "max_tokens", "tools", "tool_choice", "n")),
    {"tool_choice": frozenset(("auto", "required"))},
)
NOTHING = Media(pictures=False, links=False, sounds=False, papers=False)
DATA = Media(pictures=True, links=False, sounds=False, papers=True)


def reading(
    body: dict[str, Any],
    media: Media = NOTHING,
    understood: Understood = UNDERSTOOD,
    **said: object,
) -> Read:
    """The reading of a request by a document that says so."""
    parameters = {"litellm_model": "a/b"} | said
    model = parse_model(
        document(provider="LiteLLM", model_type="LiteLLM", parameters=parameters)
    ).model
    text = json.dumps({"model": "m", "messages": [USER]} | body).encode()
    asked = call(FakeClock(), body=JsonObject(text), stream=bool(body.get("stream")))
    return read(asked, understood, media, model.parameters)


def test_fields() -> None:
    """Understood fields go, neutral ones and hints are left out, and only hints are named."""
    made = reading({"temperature": 0, "n": 1, "user": "u", "logprobs": False, "seed": None})
    assert made.asked.fields == {"temperature": 0}
    assert made.dropped == ("user",)


def test_both_names_of_the_length() -> None:
    """The newer name is said as the older one, where only that is understood."""
    assert reading({"max_completion_tokens": 9}).asked.fields == {"max_tokens": 9}
    assert reading({"max_completion_tokens": 9}, max_tokens=5).asked.fields == {"max_tokens": 9}
    neither = Understood(frozenset(), {})
    with pytest.raises(InvalidRequest) as raised:
        reading({"max_completion_tokens": 9}, understood=neither)
    assert raised.value.param == "max_completion_tokens"


def test_defaults_of_the_document() -> None:
    """They stand where the request says nothing; what is not understood is left out of them."""
    made = reading({"temperature": 1}, temperature=0.5, max_tokens=7, top_p=0.5)
    assert made.asked.fields == {"temperature": 1, "max_tokens": 7}


def test_values() -> None:
    """A value that is not understood is refused, or dropped and named."""
    body = {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"}
    with pytest.raises(InvalidRequest) as raised:
        reading(body)
    assert (raised.value.param, raised.value.code) == ("tool_choice", "unsupported_value")
    made = reading(body, drop_unsupported=True)
    assert made.dropped == ("tool_choice",)
    assert list(made.asked.fields) == ["tools"]
    assert "tool_choice" in reading(body | {"tool_choice": "required"}).asked.fields


def test_defaults_of_openai_need_no_word() -> None:
    """`auto` and plain text are what happens anyway."""
    nothing = Understood(frozenset(("tools",)), {})
    made = reading({"tool_choice": "auto", "response_format": {"type": "text"}}, understood=nothing)
    assert made.asked.fields == {}
    assert made.dropped == ()


def test_developers_are_the_system() -> None:
    """The role is OpenAI's own since 2024."""
    made = reading({"messages": [{"role": "developer", "content": "Be brief."}, USER]})
    assert [each["role"] for each in made.asked.messages] == ["system", "user"]


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            {"content": "Hi", "refusal": None, "annotations": [], "audio": None},
            {"content": "Hi"},
        ),
        ({"content": "", "tool_calls": [CALL]}, {"content": None, "tool_calls": [CALL]}),
        ({"content": None, "tool_calls": [CALL]}, {"content": None, "tool_calls": [CALL]}),
        ({"content": "", "tool_calls": None}, {"content": ""}),
        ({"content": None, "refusal": "No."}, {"content": "No."}),
        (
            {"content": [{"type": "refusal", "refusal": "No."}]},
            {"content": [{"type": "text", "text": "No."}]},
        ),
    ],
)
def test_answers_that_come_back(message: dict[str, Any], said: dict[str, Any]) -> None:
    """What says nothing is left out, since providers refuse it; a refusal is text."""
    made = reading({"messages": [USER, {"role": "assistant", **message}, USER]})
    assert made.asked.messages[1] == {"role": "assistant", **said}
    assert made.dropped == ()


def test_names_that_get_lost() -> None:
    """Where a translator leaves out who speaks, a header names it; a tool's name is another."""
    named = {"messages": [{**USER, "name": "ann"}]}
    assert reading(named).dropped == ()
    assert reading(named, NOTHING._replace(names=False)).dropped == ("messages[].name",)
    tool = {"role": "tool", "tool_call_id": "c", "name": "f", "content": "x"}
    assert reading({"messages": [USER, tool]}, NOTHING._replace(names=False)).dropped == ()


@pytest.mark.parametrize(
    ("part", "media", "words"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, NOTHING, "no"),
        ({"type": "image_url", "image_url": {"url": "https://h/a.png"}}, DATA, "fetches nothing"),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, DATA, "no sound"),
        ({"type": "file", "file": {"file_id": "file-1"}}, DATA, "`file_data` only"),
        ({"type": "file", "file": {"file_data": "AA=="}}, DATA, "data: URL"),
        ({"type": "file", "file": {"file_data": "data:a;base64,AA"}}, NOTHING, "no files"),
        ({"type": "video_url"}, DATA, "cannot be said"),
    ],
)
def test_contents(part: dict[str, Any], media: Media, words: str) -> None:
    """What the provider cannot take is refused by its place."""
    with pytest.raises(InvalidRequest, match=words) as raised:
        reading({"messages": [{"role": "user", "content": [part]}]}, media)
    assert (raised.value.param or "").startswith("messages[0].content[0]")


def test_pictures_go() -> None:
    """A picture in the request itself goes as it is."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    made = reading({"messages": [{"role": "user", "content": [part]}]}, DATA)
    assert made.asked.messages[0]["content"] == [part]
