"""What the Anthropic simulator takes for a body, and what it says of all others."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.anthropic_wire.bodies import BODY, CLOCK, HELLO, WEATHER, post, refusal
from tests.simulators.runner import running

CALL: Any = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {}}
RESULT: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
WORD: Any = {"type": "text", "text": "word"}
MARK: Any = {"type": "ephemeral"}
UNANSWERED = (
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message."
)


def _said(*turns: Any) -> list[Any]:  # noqa: ANN401
    """Messages of these contents, the user's first."""
    roles = ("user", "assistant")
    return [{"role": roles[at % 2], "content": turn} for at, turn in enumerate(turns)]


@pytest.fixture(scope="module", name="simulator")
def _simulator() -> Iterator[AnthropicSimulator]:
    with running(AnthropicSimulator()) as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 70_000}, "max_tokens: 70000 > 64000, which is the maximum allowed number"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"model": None}, "model: Field required"),
        ({"frequency_penalty": 1}, "frequency_penalty: Extra inputs are not permitted"),
        ({"max_completion_tokens": 1}, "max_completion_tokens: Extra inputs are not permitted"),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
        ({"temperature": 0, "top_p": 0.5}, "`temperature` and `top_p` cannot both be specified"),
        (
            {"model": "claude-sonnet-5", "temperature": 1},
            "`temperature` is deprecated for this model.",
        ),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"stop_sequences": ["\n"]}, "stop_sequences: each stop sequence must contain"),
        ({"system": ""}, None),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-emp"),
        ({"metadata": {"team": "a"}}, "metadata.team: Extra inputs are not permitted"),
        ({"output_config": {"effort": "low"}, "model": "claude-haiku-4-5"}, "This model does not"),
    ],
)
def test_checks_fields(
    simulator: AnthropicSimulator, changed: dict[str, Any], words: str | None
) -> None:
    """Every field has its type and range, and there are no others."""
    if words is None:
        assert post(simulator, BODY | changed)[0] == 200
    else:
        assert refusal(simulator, **changed).startswith(words)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "user", "content": "a", "name": "b"}, ".name: Extra inputs are not permitted"),
        (
            {"role": "tool", "content": "a"},
            ".role: Input should be 'user', 'assistant' or",
        ),
        ({"role": "user"}, ".content: Field required"),
        ({"role": "user", "content": None}, ".content: Input should be a valid list"),
        ({"role": "user", "content": ""}, ": all messages must have non-empty content"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            ".content.0: Input tag 'image_url' found using 'type' does not match any of the",
        ),
        (
            {"role": "user", "content": [WORD | {"extra": 1}]},
            ".content.0.text.extra: Extra inputs are not permitted",
        ),
        (
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/bmp", "data": "AA=="},
                    }
                ],
            },
            ".content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png'",
        ),
        ({"role": "user", "content": [CALL]}, ".content.0: `tool_use` blocks can only be in"),
    ],
)
def test_checks_messages(simulator: AnthropicSimulator, message: Any, words: str) -> None:  # noqa: ANN401
    """What is wrong with a message is said with its place."""
    assert refusal(simulator, messages=[message]).startswith(f"messages.0{words}")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (
            _said("a", [CALL], "b"),
            UNANSWERED,
        ),
        (_said("a", [CALL], [WORD, RESULT]), "messages.1: `tool_use` ids were found without"),
        (_said("a", [CALL, CALL | {"id": "toolu_2"}], [RESULT]), "messages.1: `tool_use` ids were"),
        (
            _said([RESULT]),
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
        ),
        (_said("a", "b", [RESULT]), "messages.2.content.0: unexpected `tool_use_id` found"),
        (_said("a", [CALL], [RESULT, RESULT]), "messages.2.content.1: each tool_use must have"),
        (
            _said("a", [CALL], [RESULT], [CALL], [RESULT]),
            "messages.3.content.0: `tool_use` ids must be unique",
        ),
        (
            _said("a", [CALL | {"id": "a.b"}], "c"),
            "messages.1.content.0.tool_use.id: String",
        ),
        (_said("a", [CALL | {"input": "{}"}], "c"), "messages.1.content.0.tool_use.input: Input"),
        ([{"role": "assistant", "content": "a"}, *HELLO], "messages: first message must use the"),
        (_said("a", "b "), "messages: final assistant content cannot end with trailing whitespace"),
        (_said("a", "", "b"), "messages.1: all messages must have non-empty content"),
        (_said([{"type": "text", "text": " "}]), "messages: text content blocks must contain non-"),
        ([*HELLO, {"role": "system", "content": "x"}], "role 'system' is not supported on this"),
    ],
)
def test_checks_the_conversation(
    simulator: AnthropicSimulator, messages: list[Any], words: str
) -> None:
    """A tool's use is answered in the next turn, and nothing else is."""
    assert refusal(simulator, messages=messages, tools=[CLOCK]).startswith(words)


def test_takes_the_beta_of_structured_outputs(simulator: AnthropicSimulator) -> None:
    """`output_format` is taken with its beta's header, as clients of 2025 send it."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    body = BODY | {"output_format": {"type": "json_schema", "schema": schema}}
    told = post(simulator, body, anthropic_beta="structured-outputs-2025-11-13")

    assert (told[0], told[1]["content"][0]["text"]) == (200, "{}")
    assert post(simulator, body)[1]["error"]["message"].startswith("output_format: Extra inputs")


def test_combines_neighbours(simulator: AnthropicSimulator) -> None:
    """Messages of one role are one turn, in which results of tools may be apart."""
    second = CALL | {"id": "toolu_2"}
    messages = [
        *_said("a", [CALL, second]),
        {"role": "user", "content": [RESULT]},
        {"role": "user", "content": [RESULT | {"tool_use_id": "toolu_2"}]},
    ]
    status, _, _ = post(simulator, BODY | {"messages": messages, "tools": [CLOCK]})

    assert status == 200


def test_takes_system_turns(simulator: AnthropicSimulator) -> None:
    """The later models take instructions among the messages; none ends its prompt with its own."""
    late = BODY | {"model": "claude-sonnet-5"}
    turns = [*HELLO, {"role": "system", "content": "be brief"}]
    prefilled = [*HELLO, {"role": "assistant", "content": "Simu"}]

    assert post(simulator, late | {"messages": turns})[0] == 200
    assert refusal(simulator, model="claude-sonnet-5", messages=prefilled).startswith(
        "This model does not support assistant message prefill."
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0: Input tag 'function' found"),
        ({"tools": [WEATHER, WEATHER]}, "tools: Tool names must be unique."),
        ({"tools": [WEATHER | {"name": "a b"}]}, "tools.0.custom.name: String should match"),
        (
            {"tools": [WEATHER | {"input_schema": {}}]},
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            {"tools": [WEATHER | {"parameters": {}}]},
            "tools.0.custom.parameters: Extra inputs are not permitted",
        ),
        (
            {"tools": [WEATHER | {"input_schema": {"type": "object", "properties": []}}]},
            "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft",
        ),
        ({"tools": [CLOCK | {"strict": True}]}, "tools.0.custom.input_schema: For 'object' type"),
        ({"tool_choice": {"type": "any"}}, "tool_choice may only be specified while providing"),
        ({"tools": [CLOCK], "tool_choice": "auto"}, "tool_choice: Input should be a valid dict"),
        (
            {"tools": [CLOCK], "tool_choice": {"type": "tool", "name": "b"}},
            "Tool 'b' not found in provided tools",
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be",
        ),
        (
            {"system": [WORD | {"cache_control": MARK | {"scope": "x"}}]},
            "system.0.text.cache_control.ephemeral.scope: Extra inputs are not permitted",
        ),
        (
            {"system": [WORD | {"cache_control": MARK}] * 5},
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
    ],
)
def test_checks_tools_and_formats(
    simulator: AnthropicSimulator, changed: dict[str, Any], words: str
) -> None:
    """Tools are Anthropic's and not OpenAI's, schemas are closed, marks are few."""
    assert refusal(simulator, **changed).startswith(words)


def test_takes_a_server_tool(simulator: AnthropicSimulator) -> None:
    """Anthropic's own tools are taken, and never used."""
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]
    status, told, _ = post(simulator, BODY | {"tools": tools})

    assert (status, told["stop_reason"]) == (200, "end_turn")


def test_checks_more_in_the_latest_version(simulator: AnthropicSimulator) -> None:
    """2026-10-21 takes no document of the assistant's and no citation of the user's."""
    source = {"type": "text", "media_type": "text/plain", "data": "words"}
    document = {"type": "document", "source": source}
    theirs = {"messages": _said("a", [document, WORD])}
    cited = {"messages": _said([WORD | {"citations": [{"type": "char_location"}]}])}
    latest = "2026-10-21"

    assert post(simulator, BODY | theirs)[0] == post(simulator, BODY | cited)[0] == 200
    assert "`document` blocks can only be in `user`" in refusal(simulator, latest, **theirs)
    assert "messages.0.content.0.text.citations" in refusal(simulator, latest, **cited)


def test_counts_without_limits(simulator: AnthropicSimulator) -> None:
    """Counting takes what the model reads, and nothing else."""
    asked = {name: BODY[name] for name in ("model", "messages")}
    path = "/v1/messages/count_tokens"
    status, told, _ = post(simulator, asked, path=path)
    refused, words, _ = post(simulator, BODY, path=path)

    assert (status, told) == (200, {"input_tokens": 8})
    assert refused == 400
    assert words["error"]["message"] == "max_tokens: Extra inputs are not permitted"
