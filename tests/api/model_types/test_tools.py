"""Tools of every model type: called over two turns, several at once, forced, forbidden."""

import json
from typing import Any

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import able, thinking
from tests.simulators.bodies import CLOCK, WEATHER

ASKED: list[Any] = [{"role": "user", "content": "call get_weather please"}]
BOTH: list[Any] = [{"role": "user", "content": "call get_weather and get_time"}]
NAMED = {"type": "function", "function": {"name": "get_time"}}
pytestmark = pytest.mark.conformance(operation="chat/completions", aspect="tools")


def _results(message: Any) -> list[Any]:  # noqa: ANN401 - of the SDK
    return [
        {"role": "tool", "tool_call_id": call.id, "content": f"result of {call.function.name}"}
        for call in message.tool_calls
    ]


@pytest.mark.conformance(aspect=("tools", "two turns"))
@able("tools")
def test_a_tool_over_two_turns(client: openai.OpenAI, model: str) -> None:
    """The model calls it, gets its result, and speaks."""
    first = client.chat.completions.create(model=model, messages=ASKED, tools=[WEATHER])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    [call] = message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "example city", "unit": "celsius"}

    second = client.chat.completions.create(
        model=model, messages=[*ASKED, message, *_results(message)], tools=[WEATHER]
    )

    assert second.choices[0].finish_reason == "stop"
    assert "result of get_weather" in (second.choices[0].message.content or "")


@pytest.mark.conformance(aspect=("tools", "parallel tools", "two turns"))
@able("tools")
def test_parallel_tools_in_events(client: openai.OpenAI, model: str) -> None:
    """Each call has its own index, its id and name once, and arguments that are JSON in the end."""
    with client.chat.completions.stream(
        model=model, messages=BOTH, tools=[WEATHER, CLOCK]
    ) as stream:
        chunks = [event.chunk for event in stream if event.type == "chunk"]
        final = stream.get_final_completion()
    fragments = [
        fragment
        for chunk in chunks
        for choice in chunk.choices
        for fragment in choice.delta.tool_calls or ()
    ]

    indexes = [fragment.index for fragment in fragments]
    assert indexes == sorted(indexes)
    assert set(indexes) == {0, 1}
    for index in (0, 1):
        ids = [each.id for each in fragments if each.index == index and each.id]
        assert len(ids) == 1
    message = final.choices[0].message
    assert final.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in message.tool_calls or ()] == ["get_weather", "get_time"]
    arguments = [json.loads(call.function.arguments) for call in message.tool_calls or ()]
    assert arguments == [{"city": "example city", "unit": "celsius"}, {}]

    second = client.chat.completions.create(
        model=model,
        messages=[*BOTH, message.to_dict(), *_results(message)],  # type: ignore[list-item]
        tools=[WEATHER, CLOCK],
    )

    assert second.choices[0].finish_reason == "stop"


@pytest.mark.conformance(aspect="two turns")
@able("tools")
def test_a_thinking_model_gets_its_thoughts_back(client: openai.OpenAI, model: str) -> None:
    """Whoever keeps messages whole goes on after a tool, and who keeps OpenAI's fields only."""
    model = thinking(model)
    first = client.chat.completions.create(
        model=model, messages=ASKED, tools=[WEATHER], **_effort(model)
    )
    whole = first.choices[0].message
    bare: Any = {
        "role": "assistant",
        "content": whole.content,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in whole.tool_calls or ()
            if call.type == "function"
        ],
    }

    for message in (whole, bare):
        second = client.chat.completions.create(
            model=model,
            messages=[*ASKED, message, *_results(whole)],
            tools=[WEATHER],
            **_effort(model),
        )
        assert second.choices[0].finish_reason == "stop"
        assert "result of get_weather" in (second.choices[0].message.content or "")


def _effort(model: str) -> dict[str, Any]:
    takes = model.startswith(
        ("anthropic", "foundry-claude", "vertex-claude", "vertex-gemini", "litellm-gemini")
    )
    return {"reasoning_effort": "low"} if takes else {}


@able("forced tools")
@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_time"}}]
)
def test_a_tool_is_forced(client: openai.OpenAI, model: str, choice: Any) -> None:  # noqa: ANN401
    """`required` calls one, a named function that one."""
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "hello there"}],
        tools=[CLOCK],
        tool_choice=choice,
    )

    message = answer.choices[0].message
    assert message.tool_calls
    assert [call.function.name for call in message.tool_calls if call.type == "function"] == [
        "get_time"
    ]


@able("forced tools")
def test_tools_are_forbidden(client: openai.OpenAI, model: str) -> None:
    """With `none` the model speaks."""
    answer = client.chat.completions.create(
        model=model, messages=ASKED, tools=[WEATHER], tool_choice="none"
    )

    assert answer.choices[0].finish_reason == "stop"
    assert not answer.choices[0].message.tool_calls


@able("tools")
def test_a_model_without_tools_refuses_them(
    client: openai.OpenAI, stage: Stage, model: str
) -> None:
    """`enable_tools: false` is a 400 that names the field, and nobody is asked."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=f"{model}-toolless", messages=ASKED, tools=[WEATHER])

    assert caught.value.param == "tools"
    assert stage.upstream(model).requests == []
