"""The OpenAI simulator, proven by openai-python."""

import json
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
import pytest_asyncio

from tests.simulators.bodies import CLOCK, HELLO, WEATHER, Recipe
from tests.simulators.http import Request
from tests.simulators.openai import OpenAISimulator


@pytest.fixture(name="client")
def _client(openai_simulator: OpenAISimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=openai_simulator.base_url, api_key="sk-simulator", max_retries=0
    ) as client:
        yield client


@pytest_asyncio.fixture(name="async_client")
async def _async_client(openai_simulator: OpenAISimulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=openai_simulator.base_url, api_key="sk-simulator", max_retries=0
    ) as client:
        yield client


def test_answers(client: openai.OpenAI, openai_simulator: OpenAISimulator) -> None:
    """A plain answer parses, says what the model says, and what was sent is on record."""
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5
    assert answer._request_id is not None
    [record] = openai_simulator.requests
    assert (record.method, record.path, record.status) == ("POST", "/v1/chat/completions", 200)
    assert record.header("authorization") == "Bearer sk-simulator"
    assert record.json["messages"] == HELLO
    record.wait_until_over()
    assert record.answered_after_ms is not None


def test_equal_requests_get_equal_answers(client: openai.OpenAI) -> None:
    """The answer depends on nothing but the request."""
    raw = [
        client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
        for _ in range(2)
    ]

    assert raw[0].content == raw[1].content
    assert raw[0].headers["x-request-id"] != raw[1].headers["x-request-id"]
    assert raw[0].headers["x-ratelimit-remaining-requests"] == "499"
    assert raw[0].headers["openai-version"] == "2020-10-01"


@pytest.mark.asyncio
async def test_streams(async_client: openai.AsyncOpenAI) -> None:
    """A stream gives the role, the words one by one and the reason it ended, without usage."""
    stream = await async_client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True
    )
    chunks = [chunk async for chunk in stream]

    assert chunks[0].choices[0].delta.role == "assistant"
    words = [chunk.choices[0].delta.content for chunk in chunks[1:-1]]
    assert words == ["Simulated", " answer", " to:", " hello", " there"]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert "usage" not in chunks[0].model_fields_set
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[1].obfuscation


def test_streams_usage(client: openai.OpenAI) -> None:
    """Usage comes in a last chunk without choices; every other chunk carries null."""
    chunks = list(
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True, "include_obfuscation": False},
        )
    )

    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert all("usage" in chunk.model_fields_set for chunk in chunks)
    assert (chunks[-1].choices, chunks[-1].usage and chunks[-1].usage.completion_tokens) == ([], 5)
    assert not any("obfuscation" in chunk.model_fields_set for chunk in chunks)


def test_several_choices_with_logprobs(client: openai.OpenAI) -> None:
    """`n` gives different choices, and logprobs cover each token."""
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, n=2, logprobs=True, top_logprobs=3
    )

    assert [choice.message.content for choice in answer.choices] == [
        "Simulated answer to: hello there",
        "Simulated answer to: hello there (choice 2)",
    ]
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(item.token for item in logprobs.content) == answer.choices[0].message.content
    assert len(logprobs.content[0].top_logprobs) == 3


def test_stops_and_limits(client: openai.OpenAI) -> None:
    """`stop` and the token limit cut the text and say so."""
    stopped = client.chat.completions.create(model="gpt-4o", messages=HELLO, stop=[" to:"])
    limited = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, max_completion_tokens=2
    )

    first, second = stopped.choices[0], limited.choices[0]
    assert (first.message.content, first.finish_reason) == ("Simulated answer", "stop")
    assert (second.message.content, second.finish_reason) == ("Simulated answer", "length")


def test_calls_tools(client: openai.OpenAI) -> None:
    """The tools named in the message are called with arguments that fit; their result is told."""
    question = {"role": "user", "content": "get_weather and get_time please"}
    answer = client.chat.completions.create(
        model="gpt-4o", messages=[question], tools=[WEATHER, CLOCK]
    )
    message = answer.choices[0].message
    calls = message.tool_calls or []

    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert json.loads(calls[0].function.arguments) == {"city": "example city", "unit": "celsius"}

    result = {"role": "tool", "tool_call_id": calls[0].id, "content": "22 degrees"}
    told = client.chat.completions.create(
        model="gpt-4o", messages=[question, message, result], tools=[WEATHER, CLOCK]
    )
    assert told.choices[0].message.content == "The tool said: 22 degrees"


def test_streams_tool_calls_in_fragments(client: openai.OpenAI) -> None:
    """The SDK's accumulator puts the fragments of a call together again."""
    with client.chat.completions.stream(
        model="gpt-4o",
        messages=[{"role": "user", "content": "get_weather"}],
        tools=[WEATHER],
        tool_choice="required",
    ) as stream:
        fragments = [
            event.chunk.choices[0].delta.tool_calls for event in stream if event.type == "chunk"
        ]
        calls = stream.get_final_completion().choices[0].message.tool_calls or []

    assert len([part for part in fragments if part]) > 3
    assert calls[0].function.name == "get_weather"
    assert json.loads(calls[0].function.arguments)["unit"] == "celsius"


def test_parses_structured_outputs(
    client: openai.OpenAI, openai_simulator: OpenAISimulator
) -> None:
    """`parse` sends a strict schema and gets an object of the class back."""
    answer = client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Recipe)

    recipe = answer.choices[0].message.parsed
    assert recipe is not None
    assert (recipe.name, recipe.steps[1].number, recipe.vegan) == ("example name", 7, True)
    assert openai_simulator.requests[0].json["response_format"]["json_schema"]["strict"] is True


def test_lists_models(client: openai.OpenAI) -> None:
    """The models can be listed, retrieved, and missed."""
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-4o").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-0")


def test_reasoning_models(client: openai.OpenAI) -> None:
    """A reasoning model counts its reasoning and refuses what such models refuse."""
    answer = client.chat.completions.create(model="gpt-5-mini", messages=HELLO)

    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 64
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-5-mini", messages=HELLO, max_tokens=5)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "max_tokens")


def test_a_compatible_server_ignores_unknown_parameters() -> None:
    """With `allow_unknown` it is one of the servers that take any parameter."""
    simulator = OpenAISimulator(allow_unknown=True)
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"top_k":1E2}'
    headers = (("authorization", "Bearer sk-simulator"), ("content-type", "application/json"))
    assert simulator.answer(Request("POST", "/v1/chat/completions", headers, body)).status == 200
