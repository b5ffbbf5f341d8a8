"""What Mistral refuses, by requests that its SDK would not make."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.runner import running
from tests.simulators.vertex_partners import PartnersSimulator

MODEL = "mistral-medium-3"
HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module", name="vertex")
def _vertex() -> Iterator[PartnersSimulator]:
    with running(PartnersSimulator()) as simulator:
        yield simulator


def raw(
    vertex: PartnersSimulator,
    body: dict[str, Any],
    *,
    verb: str = "rawPredict",
    model: str = MODEL,
) -> httpx.Response:
    """A call that the SDK would not make."""
    path = f"/v1/projects/p/locations/europe-west4/publishers/mistralai/models/{model}:{verb}"
    headers = {"authorization": "Bearer vertex-token"}
    return httpx.post(
        f"{vertex.url}{path}", json={"model": MODEL, "messages": HELLO} | body, headers=headers
    )


@pytest.mark.parametrize(
    "field",
    [
        {"max_completion_tokens": 5},
        {"seed": 7},
        {"stream_options": {"include_usage": True}},
        {"user": "me"},
        {"store": True},
        {"logit_bias": {}},
    ],
)
def test_openais_own_parameters(vertex: PartnersSimulator, field: dict[str, Any]) -> None:
    """What only OpenAI has is refused by its name."""
    answer = raw(vertex, field)

    assert answer.status_code == 422
    assert answer.json()["object"] == "error"
    [detail] = answer.json()["message"]["detail"]
    assert detail["type"] == "extra_forbidden"
    assert detail["loc"] == ["body", next(iter(field))]


@pytest.mark.parametrize(
    ("messages", "loc"),
    [
        ([{"role": "user", "content": "x", "name": "me"}], [0, "user", "name"]),
        (
            [*HELLO, {"role": "assistant", "content": "x", "reasoning_content": "y"}, *HELLO],
            [1, "assistant", "reasoning_content"],
        ),
        ([{"role": "developer", "content": "x"}], [0]),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], [0, "user", "content", 0]),
    ],
)
def test_messages(
    vertex: PartnersSimulator, messages: list[dict[str, Any]], loc: list[str | int]
) -> None:
    """Fields, roles and kinds of content that Mistral does not know."""
    answer = raw(vertex, {"messages": messages})

    assert answer.status_code == 422
    assert answer.json()["message"]["detail"][0]["loc"] == ["body", "messages", *loc]


def called(name: str) -> dict[str, Any]:
    """An assistant's call with this id."""
    function = {"name": "get_time", "arguments": "{}"}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": name, "function": function}]}


def result(name: str) -> dict[str, Any]:
    """Its result."""
    return {"role": "tool", "tool_call_id": name, "content": "noon"}


@pytest.mark.parametrize(
    ("messages", "words", "code"),
    [
        ([*HELLO, called("call_abc"), result("call_abc")], "with a length of 9", "3280"),
        ([*HELLO, called("abcdefghi"), result("abcdefghi"), *HELLO], "'user' after role", "3230"),
        ([*HELLO, called("abcdefghi"), *HELLO], "Not the same number", "3230"),
        ([*HELLO, {"role": "assistant", "content": "x"}], "Expected last role User", "3230"),
        ([*HELLO, {"role": "assistant", "content": ""}, *HELLO], "either content or", "3240"),
        ([*HELLO, result("abcdefghi")], "Unexpected role 'tool' after role 'user'", "3230"),
    ],
)
def test_order(
    vertex: PartnersSimulator, messages: list[dict[str, Any]], words: str, code: str
) -> None:
    """Ids, results and the order of messages are refused with Mistral's codes."""
    answer = raw(vertex, {"messages": messages})

    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert answer.json()["code"] == code


def test_the_model_in_both_places(vertex: PartnersSimulator) -> None:
    """The body names the model too, without its version."""
    path = "mistral-large-2411@001"

    assert raw(vertex, {"model": "mistral-large-2411"}, model=path).status_code == 200
    assert raw(vertex, {"model": path}, model=path).json()["code"] == "1500"
    assert raw(vertex, {"model": "codestral-2"}).json()["type"] == "invalid_model"
    assert raw(vertex, {}, model="unknown").json()["error"]["status"] == "NOT_FOUND"


def test_the_verb(vertex: PartnersSimulator) -> None:
    """`stream` says what the verb says."""
    assert raw(vertex, {"stream": True}).status_code == 400
    assert raw(vertex, {"stream": False}, verb="streamRawPredict").status_code == 400
    assert raw(vertex, {"stream": True}, verb="streamRawPredict").status_code == 200
