"""The Foundry simulator, proven by openai-python (v1) and azure-ai-inference (legacy API)."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.models import ChatCompletionsToolDefinition, FunctionDefinition, UserMessage
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)

from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.bodies import HELLO, WEATHER, Recipe

QUESTION = [UserMessage("hello there")]


@pytest.fixture(name="stock")
def _stock(foundry_simulator: AzureFoundrySimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=foundry_simulator.base_url, api_key="azure-key", max_retries=0
    ) as client:
        yield client


@pytest.fixture(name="legacy")
def _legacy(foundry_simulator: AzureFoundrySimulator) -> Iterator[ChatCompletionsClient]:
    with _client(foundry_simulator) as client:
        yield client


def _client(simulator: AzureFoundrySimulator, key: str = "azure-key", **more: Any) -> Any:  # noqa: ANN401
    return ChatCompletionsClient(
        endpoint=simulator.legacy_endpoint,
        credential=AzureKeyCredential(key),
        retry_total=0,
        **more,
    )


def test_v1_answers(stock: openai.OpenAI) -> None:
    """The v1 API serves the stock client, plain, streamed and structured."""
    answer = stock.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    chunks = list(stock.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True))
    parsed = stock.chat.completions.parse(
        model="gpt-4o-mini", messages=HELLO, response_format=Recipe
    )

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert answer.choices[0].message.content == text == "Simulated answer to: hello there"
    assert isinstance(parsed.choices[0].message.parsed, Recipe)


def test_v1_streams_reasoning(stock: openai.OpenAI) -> None:
    """DeepSeek's chunks carry `reasoning_content` before the content."""
    chunks = list(stock.chat.completions.create(model="DeepSeek-R1", messages=HELLO, stream=True))

    extras = [chunk.choices[0].delta.model_extra or {} for chunk in chunks if chunk.choices]
    assert [extra["reasoning_content"] for extra in extras if extra] == [
        "The user says: hello there."
    ]


def test_legacy_answers(
    legacy: ChatCompletionsClient, foundry_simulator: AzureFoundrySimulator
) -> None:
    """The legacy API answers; its SDK sends the key twice and an api-version."""
    answer = legacy.complete(messages=QUESTION, model="gpt-4o-mini", temperature=0.5)

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert answer.usage.total_tokens > 0
    [record] = foundry_simulator.requests
    assert record.target == "/models/chat/completions?api-version=2024-05-01-preview"
    assert record.header("api-key") == "azure-key"
    assert record.header("authorization") == "Bearer azure-key"


def test_legacy_streams(legacy: ChatCompletionsClient) -> None:
    """The legacy API streams; usage needs `stream_options` passed through."""
    plain = list(legacy.complete(messages=QUESTION, model="gpt-4o-mini", stream=True))
    counted = list(
        legacy.complete(
            messages=QUESTION,
            model="gpt-4o-mini",
            stream=True,
            model_extras={"stream_options": {"include_usage": True}},
        )
    )

    text = "".join(update.choices[0].delta.content or "" for update in plain)
    assert text == "Simulated answer to: hello there"
    assert plain[-1].usage is None
    assert counted[-1].usage.completion_tokens == 5


def test_legacy_calls_tools(legacy: ChatCompletionsClient) -> None:
    """The legacy API calls tools."""
    function = WEATHER["function"]
    tool = ChatCompletionsToolDefinition(
        function=FunctionDefinition(name="get_weather", parameters=function["parameters"])
    )
    answer = legacy.complete(messages=QUESTION, model="gpt-4o-mini", tools=[tool])

    assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"


def test_legacy_extra_parameters(foundry_simulator: AzureFoundrySimulator) -> None:
    """An extra parameter needs the header: refused without, passed or dropped with it."""
    path = "/chat/completions?api-version=2024-05-01-preview"
    body = {"model": "gpt-4o-mini", "messages": HELLO, "n": 2}
    with openai.OpenAI(
        base_url=foundry_simulator.legacy_endpoint, api_key="azure-key", max_retries=0
    ) as client:
        with pytest.raises(openai.BadRequestError) as bare:
            client.post(path, body=body, cast_to=object)
        with pytest.raises(openai.BadRequestError) as unknown:
            client.post(
                path,
                body=body,
                cast_to=object,
                options={"headers": {"extra-parameters": "ignore"}},
            )
        counts = [
            len(
                client.post(
                    path,
                    body=body,
                    cast_to=openai.types.chat.ChatCompletion,
                    options={"headers": {"extra-parameters": wanted}},
                ).choices
            )
            for wanted in ("pass-through", "drop")
        ]

    assert counts == [2, 1]
    assert bare.value.response.json()["detail"].startswith("Extra parameters ['n'] are not allowed")
    assert "expected options are" in unknown.value.response.json()["detail"]


def test_legacy_errors(foundry_simulator: AzureFoundrySimulator) -> None:
    """A wrong key, no model, an unknown model and an unknown version are the SDK's errors."""
    with _client(foundry_simulator) as client:
        with pytest.raises(HttpResponseError) as nameless:
            client.complete(messages=QUESTION)
        with pytest.raises(ResourceNotFoundError) as unknown:
            client.complete(messages=QUESTION, model="gpt-0")
    with (
        _client(foundry_simulator, key="wrong") as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.complete(messages=QUESTION, model="gpt-4o-mini")
    with (
        _client(foundry_simulator, api_version="1999-01-01") as client,
        pytest.raises(ResourceNotFoundError),
    ):
        client.complete(messages=QUESTION, model="gpt-4o-mini")

    assert (nameless.value.status_code, nameless.value.error.code) == (400, "no_model_name")
    assert unknown.value.error.code == "unknown_model"


def test_legacy_tells_its_model(legacy: ChatCompletionsClient) -> None:
    """`GET /models/info` names the model."""
    assert legacy.get_model_info().model_name == "gpt-4o-mini-2024-07-18"
