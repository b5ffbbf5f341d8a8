"""What OpenAI refuses, as the classes and fields that openai-python makes of it."""

from typing import Any

import openai
import pytest

from tests.simulators.bodies import HELLO
from tests.simulators.openai import OpenAISimulator


def _client(simulator: OpenAISimulator, key: str = "sk-simulator") -> openai.OpenAI:
    return openai.OpenAI(base_url=simulator.base_url, api_key=key, max_retries=0)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"temperature": "warm"}, "invalid_type", "temperature"),
        ({"top_p": -0.5}, "decimal_below_min_value", "top_p"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 1.5}, "invalid_type", "n"),
        ({"n": 129}, "integer_above_max_value", "n"),
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"logprobs": 1}, "invalid_type", "logprobs"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"messages": []}, "empty_array", "messages"),
        ({"messages": "hello"}, "invalid_type", "messages"),
        ({"messages": ["hello"]}, "invalid_type", "messages[0]"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages[0].content"),
        ({"messages": [{"role": "user"}]}, None, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, None, "messages.[0].role"),
        ({"stream_options": {"include_usage": True}}, None, "stream_options"),
        ({"response_format": {"type": "json_object"}}, None, "messages"),
        (
            {"response_format": {"type": "json_schema"}},
            "missing_required_parameter",
            "response_format.json_schema.name",
        ),
        ({"unknown_thing": 1}, "unknown_parameter", "unknown_thing"),
    ],
)
def test_refuses_what_openai_refuses(
    openai_simulator: OpenAISimulator, change: dict[str, Any], code: str | None, param: str
) -> None:
    """A bad request is a BadRequestError with OpenAI's code and parameter."""
    body = {"model": "gpt-4o-mini", "messages": HELLO} | change
    with _client(openai_simulator) as client, pytest.raises(openai.BadRequestError) as refused:
        client.post("/chat/completions", body=body, cast_to=object)

    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id is not None


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"model": NaN}', b'{"model": "\xff"}', b"[" * 100_000]
)
def test_refuses_what_is_no_json_object(openai_simulator: OpenAISimulator, body: bytes) -> None:
    """A body that is no JSON object is a 400."""
    with _client(openai_simulator) as client, pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", content=body, cast_to=object)


def test_asks_for_the_model(openai_simulator: OpenAISimulator) -> None:
    """A missing model is a 400 without code, an unknown one a 404 with `model_not_found`."""
    with _client(openai_simulator) as client:
        with pytest.raises(openai.BadRequestError, match="you must provide a model parameter"):
            client.post("/chat/completions", body={"messages": HELLO}, cast_to=object)
        with pytest.raises(openai.NotFoundError) as missed:
            client.chat.completions.create(model="gpt-0", messages=HELLO)

    assert missed.value.code == "model_not_found"


def test_asks_for_the_key(openai_simulator: OpenAISimulator) -> None:
    """A wrong key is an AuthenticationError that does not show the key."""
    with (
        _client(openai_simulator, "sk-wrong-key-1234") as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.models.list()

    assert refused.value.code == "invalid_api_key"
    assert "sk-wrong-key" not in refused.value.message


def test_knows_its_paths_and_methods(openai_simulator: OpenAISimulator) -> None:
    """An unknown path is OpenAI's 404, a wrong method its 405."""
    with _client(openai_simulator) as client:
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            client.get("/chat/nothing", cast_to=object)
        with pytest.raises(openai.APIStatusError) as refused:
            client.get("/chat/completions", cast_to=object)

    assert (refused.value.status_code, refused.value.code) == (405, "method_not_supported")
