"""Claude on the Vertex AI simulator, proven by `AnthropicVertex`."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.simulators.anthropic_wire.bodies import BODY, HELLO, WEATHER, post
from tests.simulators.http import Request
from tests.simulators.runner import running
from tests.simulators.vertex_claude import VertexClaude, VertexClaudeSimulator

ASKED: Any = {"model": "claude-opus-4-5@20251101", "max_tokens": 50}
MODELS = "/v1/projects/p/locations/us-east5/publishers/anthropic/models/"
PATH = f"{MODELS}claude-opus-4-5@20251101:rawPredict"
PLAIN: dict[str, Any] = {"max_tokens": 50, "messages": HELLO}


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[VertexClaudeSimulator]:
    with running(VertexClaudeSimulator(project="p")) as simulator:
        yield simulator


@pytest.fixture(name="simulator")
def _simulator(upstream: VertexClaudeSimulator) -> VertexClaudeSimulator:
    upstream.reset()
    return upstream


def _client(
    simulator: VertexClaudeSimulator,
    token: str = "vertex-token",  # noqa: S107 - not a secret
    project: str = "p",
) -> anthropic.AnthropicVertex:
    return anthropic.AnthropicVertex(
        base_url=simulator.base_url,
        region="us-east5",
        project_id=project,
        access_token=token,
        max_retries=0,
    )


@pytest.fixture(name="client")
def _the_client(simulator: VertexClaudeSimulator) -> Iterator[anthropic.AnthropicVertex]:
    with _client(simulator) as client:
        yield client


def test_answers(client: anthropic.AnthropicVertex, simulator: VertexClaudeSimulator) -> None:
    """Plain and streamed, each with its verb; ids are Vertex's."""
    plain = client.messages.create(**ASKED, messages=HELLO)
    with client.messages.stream(**ASKED, messages=HELLO) as stream:
        streamed = stream.get_final_message()

    assert plain.content[0].text == "Simulated answer to: hello there"  # type: ignore[union-attr]
    assert streamed.content[0].text == plain.content[0].text  # type: ignore[union-attr]
    assert (plain.model, plain.id[:9]) == ("claude-opus-4-5-20251101", "msg_vrtx_")
    assert [request.path.rpartition(":")[2] for request in simulator.requests] == [
        "rawPredict",
        "streamRawPredict",
    ]
    assert simulator.requests[0].json["anthropic_version"] == "2026-10-21"


@pytest.mark.asyncio
async def test_calls_tools(simulator: VertexClaudeSimulator) -> None:
    """Tools are called as at Anthropic."""
    async with anthropic.AsyncAnthropicVertex(
        base_url=simulator.base_url,
        region="global",
        project_id="p",
        access_token="vertex-token",
        max_retries=0,
    ) as client:
        answer = await client.messages.create(**ASKED, messages=HELLO, tools=[WEATHER])

    [call] = answer.content
    assert call.type == "tool_use"
    assert call.id.startswith("toolu_vrtx_01")


def test_counts_tokens(client: anthropic.AnthropicVertex) -> None:
    """Counting has its own path, and the model in its body."""
    counted = client.messages.count_tokens(model=ASKED["model"], messages=HELLO)

    assert counted.input_tokens == 8


def test_checks_the_front(simulator: VertexClaudeSimulator) -> None:
    """Tokens, projects and models are refused in Google's words; streamed, in a list."""
    with _client(simulator, token="other") as other, pytest.raises(anthropic.APIError) as denied:
        other.messages.create(**ASKED, messages=HELLO)
    with (
        _client(simulator, project="q") as other,
        pytest.raises(anthropic.PermissionDeniedError, match="PERMISSION_DENIED"),
    ):
        other.messages.create(**ASKED, messages=HELLO)
    with _client(simulator) as client, pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="claude-2", max_tokens=5, messages=HELLO, stream=True)

    body: Any = denied.value.body
    listed: Any = unknown.value.body
    assert body["error"]["status"] == "UNAUTHENTICATED"
    assert listed[0]["error"]["status"] == "NOT_FOUND"
    assert "publishers/anthropic/models/claude-2` was not found" in listed[0]["error"]["message"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "anthropic_version: Field required"),
        ({"anthropic_version": "2023-06-01"}, "anthropic_version: Input should be 'vertex-2023"),
        (
            {"anthropic_version": "vertex-2023-10-16", "model": "claude-opus-4-5"},
            "model: Extra inputs are not permitted",
        ),
        ({"anthropic_version": "vertex-2023-10-16", "n": 2}, "n: Extra inputs are not permitted"),
        (
            {"anthropic_version": "2026-10-21", "temperature": 1},
            "temperature: Extra inputs are not permitted",
        ),
    ],
)
def test_checks_bodies(
    simulator: VertexClaudeSimulator, changed: dict[str, Any], words: str
) -> None:
    """The body says the version and not the model; Claude refuses in Anthropic's words."""
    bearer = "Bearer vertex-token"
    status, told, _ = post(simulator, PLAIN | changed, path=PATH, authorization=bearer)

    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert told["error"]["message"].startswith(words)
    assert told["request_id"].startswith("req_vrtx_")


def test_takes_sampling_in_the_first_version(simulator: VertexClaudeSimulator) -> None:
    """`vertex-2023-10-16` is the version that still samples; a stream needs its verb."""
    body = PLAIN | {"anthropic_version": "vertex-2023-10-16", "temperature": 0.3}
    bearer = "Bearer vertex-token"
    status, _, _ = post(simulator, body, path=PATH, authorization=bearer)
    wrong = post(simulator, body | {"stream": True}, path=PATH, authorization=bearer)

    assert status == 200
    assert (wrong[0], wrong[1]["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("status", "word"),
    [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (529, "overloaded_error")],
)
def test_fails(
    client: anthropic.AnthropicVertex,
    simulator: VertexClaudeSimulator,
    status: int,
    word: str,
) -> None:
    """The quota is Google's, the overload Anthropic's."""
    simulator.fail_next("status", status=status, model=ASKED["model"])
    with pytest.raises(anthropic.APIStatusError, match=word):
        client.messages.create(**ASKED, messages=HELLO)


def test_breaks_a_stream(
    client: anthropic.AnthropicVertex, simulator: VertexClaudeSimulator
) -> None:
    """A stream breaks with Anthropic's error event."""
    simulator.fail_next("error_frame")
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        list(client.messages.create(**ASKED, messages=HELLO, stream=True))


def test_leaves_other_paths_alone() -> None:
    """What is not Claude's is for another to answer."""
    gemini = Request("POST", f"{MODELS}x:generateContent", (), b"")
    named = Request("POST", PATH, (), b"")
    vertex = VertexClaude()

    assert vertex.answer(gemini) is None
    assert (vertex.model_of(gemini), vertex.model_of(named)) == (None, ASKED["model"])
    answered = vertex.answer(named)
    assert answered is not None
    assert answered.status == 401
    assert BODY["model"] in vertex.claude.models
