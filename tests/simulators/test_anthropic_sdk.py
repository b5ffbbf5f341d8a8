"""The Anthropic simulator, proven by Anthropic's own SDK."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.anthropic_wire.bodies import CLOCK, HELLO, MODEL, PIXEL, WEATHER, post
from tests.simulators.bodies import Recipe
from tests.simulators.runner import running

ASKED: Any = {"model": MODEL, "max_tokens": 50}
SAID = "Simulated answer to: hello there"


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[AnthropicSimulator]:
    with running(AnthropicSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="simulator")
def _simulator(upstream: AnthropicSimulator) -> AnthropicSimulator:
    upstream.reset()
    return upstream


@pytest.fixture(name="client")
def _client(simulator: AnthropicSimulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=simulator.url, api_key="sk-ant-simulator", max_retries=0
    ) as client:
        yield client


def test_answers(client: anthropic.Anthropic) -> None:
    """A plain answer has its text, its snapshot, its counts and a request id."""
    answer = client.messages.create(**ASKED, messages=HELLO)

    [block] = answer.content
    assert (block.type, block.text) == ("text", SAID)
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.model == "claude-opus-4-5-20251101"
    assert answer.id.startswith("msg_01")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (8, 5)
    assert (answer._request_id or "").startswith("req_01")


@pytest.mark.asyncio
async def test_streams(simulator: AnthropicSimulator) -> None:
    """A stream is named events in Anthropic's order, and adds up to the plain answer."""
    async with anthropic.AsyncAnthropic(
        base_url=simulator.url, api_key="sk-ant-simulator", max_retries=0
    ) as client:
        async with client.messages.stream(**ASKED, messages=HELLO) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_message()
        plain = await client.messages.create(**ASKED, messages=HELLO)

    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds.count("text") == 5
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert final.content[0].text == plain.content[0].text == SAID  # type: ignore[union-attr]
    assert final.id == plain.id
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert final.usage.input_tokens == plain.usage.input_tokens


def test_counts_up_in_a_stream(client: anthropic.Anthropic) -> None:
    """Usage starts with the input and ends with the whole output; `ping` comes in between."""
    with client.messages.with_streaming_response.create(
        **ASKED, messages=HELLO, stream=True
    ) as response:
        text = "".join(response.iter_text())
    frames = [frame.split("\n") for frame in text.strip().split("\n\n")]
    events = [json.loads(lines[1].removeprefix("data: ")) for lines in frames]

    assert [lines[0] for lines in frames] == [f"event: {event['type']}" for event in events]
    assert events[2] == {"type": "ping"}
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert events[-2]["usage"]["output_tokens"] == 5
    assert events[-2]["usage"]["input_tokens"] == 8


def test_calls_a_tool_over_two_turns(client: anthropic.Anthropic) -> None:
    """A tool is called, and its result is spoken about."""
    question: list[Any] = [{"role": "user", "content": "use get_weather"}]
    asked = client.messages.create(**ASKED, messages=question, tools=[WEATHER])
    [call] = asked.content
    assert call.type == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "it rains"}
    told = client.messages.create(
        **ASKED,
        messages=[*question, asked.to_param(), {"role": "user", "content": [result]}],
        tools=[WEATHER],
    )

    assert (asked.stop_reason, call.name) == ("tool_use", "get_weather")
    assert call.input == {"city": "example city", "unit": "celsius"}
    assert call.id.startswith("toolu_01")
    assert told.content[0].text == "The tool said: it rains"  # type: ignore[union-attr]


def test_streams_parallel_tools(client: anthropic.Anthropic) -> None:
    """Tools stream their arguments in several pieces; one without arguments has an empty one."""
    question: list[Any] = [{"role": "user", "content": "say what you do: get_weather and get_time"}]
    with client.messages.stream(**ASKED, messages=question, tools=[WEATHER, CLOCK]) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()

    text, weather, clock = final.content
    assert text.text == "I will use get_weather, get_time."  # type: ignore[union-attr]
    assert (weather.input, clock.input) == (  # type: ignore[union-attr]
        {"city": "example city", "unit": "celsius"},
        {},
    )
    assert len([piece for piece in pieces if piece]) > 3
    assert pieces[-1] == ""


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
        ({"type": "any"}, ["get_weather", "get_time"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "none"}, []),
    ],
)
def test_chooses_tools(client: anthropic.Anthropic, choice: Any, called: list[str]) -> None:  # noqa: ANN401
    """`tool_choice` says which tools are called."""
    question: list[Any] = [{"role": "user", "content": "get_weather and get_time"}]
    answer = client.messages.create(
        **ASKED, messages=question, tools=[WEATHER, CLOCK], tool_choice=choice
    )

    assert [block.name for block in answer.content if block.type == "tool_use"] == called


@pytest.mark.parametrize(
    "block",
    [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        },
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "A title",
            "citations": {"enabled": False},
        },
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "some words"},
        },
    ],
)
def test_takes_images_and_documents(client: anthropic.Anthropic, block: Any) -> None:  # noqa: ANN401
    """Images and documents stand beside the text and cost input tokens."""
    message: Any = {"role": "user", "content": [block, {"type": "text", "text": "hello there"}]}
    answer = client.messages.create(**ASKED, messages=[message])

    assert answer.content[0].text == SAID  # type: ignore[union-attr]
    assert answer.usage.input_tokens > 8


def test_stops_and_limits(client: anthropic.Anthropic) -> None:
    """A stop sequence and the token limit cut the text and say so."""
    stopped = client.messages.create(**ASKED, messages=HELLO, stop_sequences=["zz", " to:"])
    limited = client.messages.create(model=MODEL, max_tokens=2, messages=HELLO)

    assert stopped.content[0].text == limited.content[0].text == "Simulated answer"  # type: ignore[union-attr]
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", " to:")
    assert (limited.stop_reason, limited.usage.output_tokens) == ("max_tokens", 2)


def test_continues_a_prefill(client: anthropic.Anthropic) -> None:
    """What the assistant has begun is not said again."""
    begun: list[Any] = [*HELLO, {"role": "assistant", "content": "Simulated answer"}]
    answer = client.messages.create(**ASKED, messages=begun)

    assert answer.content[0].text == " to: hello there"  # type: ignore[union-attr]


@pytest.mark.parametrize("reason", ["refusal", "pause_turn", "model_context_window_exceeded"])
def test_ends_for_other_reasons(client: anthropic.Anthropic, reason: str) -> None:
    """A message may bring about every other end; a refusal has its details, streamed too."""
    asked: list[Any] = [{"role": "user", "content": f"stop with {reason}"}]
    answer = client.messages.create(**ASKED, messages=asked)
    with client.messages.stream(**ASKED, messages=asked) as stream:
        streamed = stream.get_final_message()

    assert (answer.stop_reason, streamed.stop_reason) == (reason, reason)
    assert (answer.stop_details is not None) is (reason == "refusal")
    assert streamed.stop_details == answer.stop_details


def test_caches_prompts(client: anthropic.Anthropic) -> None:
    """What is marked is written once, then read; the three counts add up to the whole input."""
    system: list[Any] = [
        {"type": "text", "text": "many words to keep", "cache_control": {"type": "ephemeral"}}
    ]
    marked: Any = {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}
    first = client.messages.create(**ASKED, messages=HELLO, system=system).usage
    again = client.messages.create(**ASKED, messages=HELLO, system=system).usage
    longer = client.messages.create(
        **ASKED, messages=[{"role": "user", "content": [marked]}], system=system
    ).usage

    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (7, 0)
    assert (again.cache_creation_input_tokens, again.cache_read_input_tokens) == (0, 7)
    assert (longer.cache_creation_input_tokens, longer.cache_read_input_tokens) == (4, 7)
    assert first.input_tokens == again.input_tokens == 8
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_5m_input_tokens == 7


def test_answers_in_a_schema(client: anthropic.Anthropic) -> None:
    """Structured outputs are what the SDK's own schema asks for."""
    answer = client.messages.parse(**ASKED, messages=HELLO, output_format=Recipe)

    assert isinstance(answer.parsed_output, Recipe)
    assert len(answer.parsed_output.steps) == 2


def test_counts_tokens(client: anthropic.Anthropic) -> None:
    """Counting counts what the message would cost."""
    asked: Any = {"model": MODEL, "messages": HELLO, "system": "be brief", "tools": [WEATHER]}
    counted = client.messages.count_tokens(**asked)
    spent = client.messages.create(max_tokens=5, **asked).usage

    assert counted.input_tokens == spent.input_tokens > 20


def test_lists_models(client: anthropic.Anthropic) -> None:
    """The models come in pages, and each by its name."""
    listed = list(client.models.list(limit=2))
    one = client.models.retrieve("claude-opus-4-5")

    assert len(listed) == len({model.id for model in listed}) == 6
    assert (one.id, one.max_tokens) == ("claude-opus-4-5-20251101", 64_000)


def test_takes_both_versions(simulator: AnthropicSimulator) -> None:
    """The old version takes sampling, the new one refuses it."""
    sampled = {"model": MODEL, "max_tokens": 5, "messages": HELLO, "temperature": 0.5, "top_k": 3}
    old, _, headers = post(simulator, sampled)
    new, told, _ = post(simulator, sampled, version="2026-10-21")

    assert (old, new) == (200, 400)
    assert told["error"]["message"] == "temperature: Extra inputs are not permitted"
    assert headers["anthropic-ratelimit-requests-remaining"] == "3999"
