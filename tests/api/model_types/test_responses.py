"""`/v1/responses` of every model type that only chats: openai-python is the judge."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import KINDS, thinking
from tests.api.node import needs_node, run_node

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
CLOCK: Any = {"type": "function", "name": "get_time", "parameters": {}, "strict": False}
pytestmark = pytest.mark.conformance(operation="responses")


def chatting(aspect: str) -> pytest.MarkDecorator:
    """Parametrize a test by every kind that only chats and can do this."""
    names = [name for name, kind in KINDS.items() if not kind.answers and aspect not in kind.cannot]
    return pytest.mark.parametrize("model", names)


def _effort(model: str) -> Any:  # noqa: ANN401 - of the SDK
    """Some think only when they are told to."""
    quiet = "mistral" in model or "deepseek" in model
    return {} if quiet else {"effort": "low"}


class City(BaseModel):
    """What a structured answer is to be."""

    name: str


@pytest.mark.conformance(aspect=("plain", "usage"))
@chatting("plain")
def test_in_one_piece(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """It has OpenAI's shape, says what it used, and is settled at that."""
    response = client.responses.create(
        model=model, input="hello there", instructions="Be brief.", metadata={"a": "b"}
    )

    assert response.output_text == "Simulated answer to: hello there"
    assert (response.object, response.status, response.error) == ("response", "completed", None)
    assert response.instructions == "Be brief."
    assert response.metadata == {"a": "b"}
    assert response.to_dict()["store"] is False
    usage = response.usage
    assert usage is not None
    assert usage.input_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    [line] = stage.settled()
    counted = line["usage"]
    assert sum(counted[:3]) + counted[5] == usage.input_tokens
    assert counted[3] + counted[4] + counted[6] == usage.output_tokens
    assert (line["outcome"], counted[-1]) == ("finished", False)
    assert line["cost_nano"] > 0


@pytest.mark.conformance(aspect=("stream", "usage"))
@chatting("stream")
def test_in_events(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """In OpenAI's order, numbered; the SDK puts the same together that the last event says."""
    with client.responses.stream(model=model, input="count to 20") as stream:
        events = list(stream)
        final = stream.get_final_response()

    types = [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    text = "".join(event.delta for event in deltas)
    assert text == deltas[-1].snapshot == final.output_text
    assert text.split()[-1] == "20"
    assert final.usage is not None
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][-1]) == ("finished", False)
    assert sum(line["usage"][3:5]) == final.usage.output_tokens


@pytest.mark.conformance(aspect="tools")
@pytest.mark.parametrize("streamed", [True, False])
@chatting("tools")
def test_a_loop_of_tools(
    client: openai.OpenAI,
    model: str,
    streamed: bool,  # noqa: FBT001
) -> None:
    """What the model put out goes back as input, with the results, as OpenAI's guides do it."""

    def ask(given: list[Any]) -> Any:  # noqa: ANN401 - of the SDK
        if not streamed:
            return client.responses.create(model=model, input=given, tools=[WEATHER])
        with client.responses.stream(model=model, input=given, tools=[WEATHER]) as stream:
            return stream.get_final_response()

    given: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    first = ask(given)
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather"]
    assert json.loads(calls[0].arguments)["city"] == "example city"

    given += first.output
    given += [
        {"type": "function_call_output", "call_id": call.call_id, "output": "result: rain"}
        for call in calls
    ]
    second = ask(given)
    assert second.status == "completed"
    assert "result: rain" in second.output_text

    third = ask([*given, *second.output, {"role": "user", "content": "hello there"}])
    assert [item.type for item in third.output][-1] == "function_call"


@pytest.mark.conformance(aspect="tools")
@pytest.mark.parametrize("keeps", [True, False])
@chatting("reasoning")
def test_a_loop_with_thoughts(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    keeps: bool,  # noqa: FBT001
) -> None:
    """What was thought and signed comes back to the provider, streamed or not; who loses it goes on
    all the same.
    """
    asked: Any = {"model": thinking(model), "tools": [WEATHER], "reasoning": _effort(model)}
    given: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    with client.responses.stream(**asked, input=given) as stream:
        first = stream.get_final_response()
    [call] = [item for item in first.output if item.type == "function_call"]
    said = first.output if keeps else [call.to_dict()]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "result: rain"}
    second = client.responses.create(**asked, input=[*given, *said, result])

    assert second.status == "completed"
    assert "result: rain" in second.output_text
    assert "input_transformations" not in second.to_dict()
    signed = [item for item in first.output if item.type == "reasoning" and item.encrypted_content]
    if keeps and signed:
        assert b'ignature":"' in stage.upstream(model).requests[-1].body


@pytest.mark.conformance(aspect=("stream", "tools"))
@chatting("tools")
def test_several_calls_in_events(client: openai.OpenAI, model: str) -> None:
    """Each is an item of its own, begun and done before the next."""
    with client.responses.stream(
        model=model, input="call get_weather and get_time", tools=[WEATHER, CLOCK]
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    calls = [item for item in final.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.call_id for call in calls}) == 2
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert [event.arguments for event in done] == [call.arguments for call in calls]
    order = [event.type for event in events if "output_item" in event.type]
    assert order == ["response.output_item.added", "response.output_item.done"] * (len(order) // 2)


@pytest.mark.conformance(aspect="plain")
@chatting("json schema")
def test_a_structured_answer(client: openai.OpenAI, model: str) -> None:
    """The SDK's own parsing, whole and streamed."""
    parsed = client.responses.parse(model=model, input="a city", text_format=City)
    assert isinstance(parsed.output_parsed, City)
    with client.responses.stream(model=model, input="a city", text_format=City) as stream:
        assert isinstance(stream.get_final_response().output_parsed, City)


@pytest.mark.conformance(aspect=("plain", "stream"))
@chatting("reasoning")
def test_what_a_model_thinks(client: openai.OpenAI, model: str) -> None:
    """It stands before the answer, as text of the reasoning, or as its summary when asked for."""
    effort = _effort(model)
    asked: Any = {"model": thinking(model), "input": "hello there"}
    whole = client.responses.create(**asked, reasoning=effort)
    with client.responses.stream(**asked, reasoning={**effort, "summary": "auto"}) as stream:
        events = list(stream)
        summed = stream.get_final_response()

    assert [item.type for item in whole.output] == ["reasoning", "message"]
    assert [item.type for item in summed.output] == ["reasoning", "message"]
    said, summary = whole.output[0], summed.output[0]
    assert said.type == summary.type == "reasoning"
    assert said.content
    assert said.content[0].text == summary.summary[0].text != ""
    deltas = [e for e in events if e.type == "response.reasoning_summary_text.delta"]
    assert "".join(event.delta for event in deltas) == summary.summary[0].text


@pytest.mark.conformance(aspect="plain")
@chatting("plain")
def test_a_bound_that_cuts(client: openai.OpenAI, model: str) -> None:
    """The response is incomplete and says so, whole and streamed."""
    whole = client.responses.create(model=model, input="count to 200", max_output_tokens=16)
    last = list(
        client.responses.create(
            model=model, input="count to 200", max_output_tokens=16, stream=True
        )
    )[-1]
    assert last.type == "response.incomplete"
    for response in (whole, last.response):
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"


@needs_node
@pytest.mark.conformance(aspect=("stream", "tools"))
@pytest.mark.parametrize(
    "model", ["anthropic", "vertex-deepseek", "vertex-mistral", "litellm-mistral"]
)
def test_openai_node_sees_the_same(stage: Stage, model: str) -> None:
    """Its stream puts items together by their indices, and is stricter than Python's."""
    effort = _effort(model).get("effort", "")
    got = run_node(stage.gateway, "responses_over_chat.mjs", thinking(model), effort)
    assert got["numbers"] == list(range(len(got["numbers"])))
    assert got["names"] == ["get_weather"]
    assert (got["status"], "result: rain" in got["text"]) == ("completed", True)
    assert got["thought"] == (1 if effort else 0)
