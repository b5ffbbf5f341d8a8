"""Chat completions through the gateway, as openai-python sees them."""

import json

import openai
import pytest

from tests.api.conftest import Upstreams
from tests.simulators.bodies import CLOCK, HELLO, WEATHER, Recipe

ANSWER = "Simulated answer to: hello there"
EVERY_WIRE = ["gpt-4o-mini", "azure-dated", "azure-v1", "foundry-v1", "foundry-legacy"]


@pytest.mark.conformance(operation="chat/completions", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", EVERY_WIRE)
def test_answers(client: openai.OpenAI, model: str) -> None:
    """Every wire answers with the upstream's own words, model and usage."""
    answer = client.chat.completions.create(model=model, messages=HELLO)

    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert answer._request_id


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="plain")
@pytest.mark.asyncio
async def test_answers_asynchronously(
    async_client: openai.AsyncOpenAI, upstreams: Upstreams
) -> None:
    """The asynchronous client gets the same answer."""
    answer = await async_client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)

    assert answer.choices[0].message.content == ANSWER
    assert len(upstreams.openai.requests) == 1


@pytest.mark.conformance(operation="chat/completions", aspect="stream")
@pytest.mark.parametrize("model", EVERY_WIRE)
def test_streams(client: openai.OpenAI, model: str) -> None:
    """Every wire streams word by word, without the usage that the caller did not ask for."""
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))

    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [word for word in words if word] == ["Simulated", " answer", " to:", " hello", " there"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


@pytest.mark.conformance(operation="chat/completions", provider="AzureOpenAI", aspect="stream")
@pytest.mark.asyncio
async def test_streams_asynchronously(
    async_client: openai.AsyncOpenAI, upstreams: Upstreams
) -> None:
    """The asynchronous client iterates over the same stream."""
    stream = await async_client.chat.completions.create(
        model="azure-dated", messages=HELLO, stream=True
    )
    said = [c.choices[0].delta.content or "" async for c in stream if c.choices]

    assert "".join(said) == ANSWER
    assert len(upstreams.azure.requests) == 1


@pytest.mark.conformance(operation="chat/completions", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", EVERY_WIRE)
def test_streams_usage_when_asked(client: openai.OpenAI, model: str) -> None:
    """Asked for, usage comes as a last chunk without choices, and null before."""
    chunks = list(
        client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


@pytest.mark.conformance(operation="chat/completions", aspect="tools")
@pytest.mark.parametrize("model", EVERY_WIRE)
def test_calls_tools(client: openai.OpenAI, model: str) -> None:
    """Tools are called, plain and streamed, and their results are told."""
    question = {"role": "user", "content": "get_weather and get_time please"}
    answer = client.chat.completions.create(
        model=model, messages=[question], tools=[WEATHER, CLOCK]
    )
    message = answer.choices[0].message
    calls = message.tool_calls or []
    with client.chat.completions.stream(
        model=model, messages=[question], tools=[WEATHER, CLOCK]
    ) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls or []
    result = {"role": "tool", "tool_call_id": calls[0].id, "content": "22 degrees"}
    told = client.chat.completions.create(
        model=model, messages=[question, message, result], tools=[WEATHER, CLOCK]
    )

    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert json.loads(calls[0].function.arguments) == {"city": "example city", "unit": "celsius"}
    assert [call.function.arguments for call in streamed] == [
        call.function.arguments for call in calls
    ]
    assert told.choices[0].message.content == "The tool said: 22 degrees"


@pytest.mark.conformance(operation="chat/completions", aspect="plain")
@pytest.mark.parametrize("model", EVERY_WIRE)
def test_parses_structured_outputs(client: openai.OpenAI, model: str) -> None:
    """`parse` gives an object of the class, plain and streamed."""
    answer = client.chat.completions.parse(model=model, messages=HELLO, response_format=Recipe)
    with client.chat.completions.stream(
        model=model, messages=HELLO, response_format=Recipe
    ) as stream:
        streamed = stream.get_final_completion()

    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Recipe)
    assert parsed.steps[1].number == 7
    assert streamed.choices[0].message.parsed == parsed


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="plain")
def test_several_choices_with_logprobs(client: openai.OpenAI) -> None:
    """`n` and logprobs pass in both directions, plain and streamed."""
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, n=2, logprobs=True, top_logprobs=1
    )
    chunks = list(
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, n=2, stream=True)
    )

    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[1].logprobs is not None
    said = ["", ""]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        said[choice.index] += choice.delta.content or ""
    assert said == [choice.message.content for choice in answer.choices]


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="plain")
def test_raw_responses(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """The answer's bytes are the upstream's; the headers are ours, with the upstream's id."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HELLO)
    with openai.OpenAI(
        base_url=upstreams.openai.base_url, api_key="sk-simulator", max_retries=0
    ) as direct:
        expected = direct.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=HELLO
        )

    assert raw.content == expected.content
    assert raw.headers["x-llmproxy-upstream-request-id"].startswith("req_")
    assert raw.headers["x-request-id"] != raw.headers["x-llmproxy-upstream-request-id"]
    assert raw.headers["x-ratelimit-remaining-requests"] == "499"
    assert "set-cookie" not in raw.headers


@pytest.mark.conformance(
    operation="models", provider=("OpenAI", "AzureOpenAI", "AzureFoundry"), aspect="plain"
)
def test_lists_models(client: openai.OpenAI) -> None:
    """The registered models are listed in OpenAI's shape and can be retrieved."""
    listed = {model.id: model for model in client.models.list()}

    assert set(EVERY_WIRE) <= set(listed)
    assert listed["azure-dated"].object == "model"
    assert client.models.retrieve("azure-dated").id == "azure-dated"
    with pytest.raises(openai.NotFoundError) as missed:
        client.models.retrieve("gpt-0")
    assert missed.value.code == "model_not_found"


@pytest.mark.conformance(operation="chat/completions", provider="AzureFoundry", aspect="stream")
def test_reasoning_content_passes(client: openai.OpenAI) -> None:
    """DeepSeek's `reasoning_content` reaches the caller, plain and streamed."""
    answer = client.chat.completions.create(model="foundry-deepseek", messages=HELLO)
    chunks = list(
        client.chat.completions.create(model="foundry-deepseek", messages=HELLO, stream=True)
    )

    extras = [c.choices[0].delta.model_extra or {} for c in chunks if c.choices]
    thought = "The user says: hello there."
    assert (answer.choices[0].message.model_extra or {})["reasoning_content"] == thought
    assert [extra["reasoning_content"] for extra in extras if "reasoning_content" in extra] == [
        thought
    ]
