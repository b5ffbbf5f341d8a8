"""Thinking at the Anthropic simulator: who thinks, what is shown, and what may come back."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.anthropic_wire.bodies import HELLO, MODEL, WEATHER, refusal
from tests.simulators.anthropic_wire.reply import REDACTED_STRING
from tests.simulators.runner import running

BUDGET: Any = {"type": "enabled", "budget_tokens": 1024}
ASKED: Any = {"model": MODEL, "max_tokens": 2000, "thinking": BUDGET}
QUESTION: Any = {"role": "user", "content": "use get_weather"}


@pytest.fixture(scope="module", name="simulator")
def _simulator() -> Iterator[AnthropicSimulator]:
    with running(AnthropicSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: AnthropicSimulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=simulator.url, api_key="sk-ant-simulator", max_retries=0
    ) as client:
        yield client


def _after_tool(blocks: list[dict[str, Any]]) -> list[Any]:
    """The conversation after a tool that was called in these blocks."""
    [call] = [block for block in blocks if block["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "it rains"}
    return [
        QUESTION,
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": [result]},
    ]


def _thought(client: anthropic.Anthropic) -> list[dict[str, Any]]:
    answer = client.messages.create(**ASKED, messages=[QUESTION], tools=[WEATHER])
    return [block.model_dump(exclude_unset=True) for block in answer.content]


def test_thinks_with_a_budget(client: anthropic.Anthropic) -> None:
    """Thinking comes first, signed, and is counted; the stream says the same."""
    plain = client.messages.create(**ASKED, messages=HELLO)
    with client.messages.stream(**ASKED, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()

    thinking, text = plain.content
    assert (thinking.type, text.type) == ("thinking", "text")
    assert thinking.thinking == "The user says: hello there."
    assert plain.usage.output_tokens == 10
    assert plain.usage.output_tokens_details is not None
    assert plain.usage.output_tokens_details.thinking_tokens == 5
    assert (kinds.count("thinking"), kinds.count("signature")) == (5, 1)
    assert streamed.content[0] == thinking


@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        ("claude-sonnet-4-6", {"type": "adaptive"}, "The user says: hello there."),
        ("claude-sonnet-4-6", {"type": "adaptive", "display": "omitted"}, ""),
        ("claude-sonnet-5", None, ""),
        ("claude-opus-5-5", {"type": "adaptive", "display": "summarized"}, "The user says: hello"),
        ("claude-opus-5-5", {"type": "disabled"}, None),
        ("claude-sonnet-4-6", None, None),
    ],
)
def test_thinks_adaptively(
    client: anthropic.Anthropic,
    model: str,
    thinking: Any,  # noqa: ANN401
    shown: str | None,
) -> None:
    """Each generation has its default, of thinking and of what is shown; it is signed anyway."""
    more = {} if thinking is None else {"thinking": thinking}
    with client.messages.stream(model=model, max_tokens=50, messages=HELLO, **more) as stream:
        answer = stream.get_final_message()

    first = answer.content[0]
    assert (first.type == "thinking") is (shown is not None)
    if first.type == "thinking":
        assert first.thinking.startswith(shown or "")
        assert bool(first.thinking) is bool(shown)
        assert first.signature


def test_redacts(client: anthropic.Anthropic) -> None:
    """Anthropic's test string brings redacted thinking, which may be sent back."""
    asked: Any = {"role": "user", "content": f"{REDACTED_STRING}46C9"}
    answer = client.messages.create(**ASKED, messages=[asked])
    again = client.messages.create(**ASKED, messages=[asked, answer.to_param(), *HELLO])

    assert [block.type for block in answer.content] == ["redacted_thinking", "text"]
    assert again.content[0].type == "thinking"


def test_takes_its_own_thinking_back(client: anthropic.Anthropic) -> None:
    """With a budget the model does not think again after a tool; adaptive it does."""
    blocks = _thought(client)
    told = client.messages.create(**ASKED, messages=_after_tool(blocks), tools=[WEATHER])
    adaptive = client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=50,
        thinking={"type": "adaptive"},
        messages=_after_tool(blocks),
        tools=[WEATHER],
    )

    assert [block.type for block in told.content] == ["text"]
    assert [block.type for block in adaptive.content] == ["thinking", "text"]


def test_refuses_other_thinking(client: anthropic.Anthropic, simulator: AnthropicSimulator) -> None:
    """Missing, forged, altered and foreign thinking is refused in the API's words."""
    thinking, call = _thought(client)

    def said(first: dict[str, Any] | None) -> str:
        blocks = [call] if first is None else [first, call]
        messages = _after_tool(blocks)
        return refusal(simulator, **ASKED, messages=messages, tools=[WEATHER])

    forged = thinking["signature"][:-8] + "AAAAAAA="
    assert said(None).startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
        "`tool_use`. When `thinking` is enabled"
    )
    invalid = "messages.1.content.0: Invalid `signature` in `thinking` block"
    assert said(thinking | {"signature": forged}) == invalid
    assert said(thinking | {"signature": ""}) == invalid
    assert "cannot be modified" in said(thinking | {"thinking": "something else"})
    assert said({"type": "redacted_thinking", "data": "AAAA"}) == (
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 512}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (
            {"temperature": 0.5},
            "`temperature` may only be set to 1 when thinking is enabled.",
        ),
        ({"top_p": 0.5}, "`top_p` must be greater than or equal to 0.95 or unset"),
        ({"top_k": 5}, "`top_k` must be unset when thinking is enabled."),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
        ({"model": "claude-sonnet-5"}, '"thinking.type.enabled" is not supported for this model.'),
        (
            {"model": "claude-sonnet-4-6", "output_config": {"effort": "low"}, "temperature": 0},
            "`temperature` may only be set to 1 when thinking is enabled.",
        ),
    ],
)
def test_refuses_what_thinking_forbids(
    simulator: AnthropicSimulator, changed: dict[str, Any], words: str
) -> None:
    """Budgets have their bounds, and thinking goes with no sampling and no forced tool."""
    assert refusal(simulator, **(ASKED | changed)).startswith(words)


def test_takes_what_goes_with_thinking(client: anthropic.Anthropic) -> None:
    """The defaults of sampling may be sent along."""
    answer = client.messages.create(
        **ASKED,
        messages=HELLO,
        extra_body={"temperature": 1},
        extra_headers={"anthropic-version": "2023-06-01"},
    )

    assert answer.content[0].type == "thinking"
