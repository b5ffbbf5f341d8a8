"""Mistral's own API, proven by mistralai's client."""

from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError, SDKError

from tests.simulators.bodies import HELLO, WEATHER
from tests.simulators.mistral import MistralSimulator
from tests.simulators.runner import running

MODEL = "mistral-medium-latest"
SAID = "Simulated answer to: hello there"


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[MistralSimulator]:
    with running(MistralSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: MistralSimulator) -> Iterator[Mistral]:
    with Mistral(server_url=simulator.url, api_key="mistral-key") as client:
        yield client


def test_answers(client: Mistral, simulator: MistralSimulator) -> None:
    """The key goes as a bearer, the model in the body."""
    answer = client.chat.complete(model=MODEL, messages=HELLO, random_seed=7)

    message = answer.choices[0].message
    assert message is not None
    assert (message.content, answer.choices[0].finish_reason) == (SAID, "stop")
    assert answer.usage.total_tokens == (
        (answer.usage.prompt_tokens or 0) + (answer.usage.completion_tokens or 0)
    )
    [record] = simulator.requests
    assert (record.path, record.json["model"]) == ("/v1/chat/completions", MODEL)
    assert record.header("authorization") == "Bearer mistral-key"


def test_streams(client: Mistral) -> None:
    """The role first, then the text, the usage with the end."""
    with client.chat.stream(model=MODEL, messages=HELLO) as events:
        chunks = [event.data for event in events]

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(str(chunk.choices[0].delta.content or "") for chunk in chunks) == SAID
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_thinks_aloud(client: Mistral) -> None:
    """This client knows the chunks of Magistral's thinking."""
    answer = client.chat.complete(
        model="magistral-medium-latest", messages=HELLO, prompt_mode="reasoning"
    )

    message: Any = answer.choices[0].message
    thinking, text = message.content
    assert (thinking.type, text.text) == ("thinking", SAID)
    assert thinking.thinking[0].text == "The user says: hello there."


def test_calls_a_tool(client: Mistral) -> None:
    """An id of nine letters and digits, as the next turn must have it."""
    answer = client.chat.complete(
        model=MODEL,
        messages=[{"role": "user", "content": "call get_weather please"}],
        tools=[WEATHER],  # type: ignore[list-item]
    )

    message = answer.choices[0].message
    assert message is not None
    [call] = message.tool_calls or []
    assert (call.function.name, len(call.id or "")) == ("get_weather", 9)
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("key", "model", "status", "words"),
    [
        ("another", MODEL, 401, '"detail":"Unauthorized"'),
        ("mistral-key", "no-such-model", 400, '"Invalid model: no-such-model"'),
    ],
)
def test_refuses(
    simulator: MistralSimulator, key: str, model: str, status: int, words: str
) -> None:
    """Another key, and a model that is not there."""
    with (
        Mistral(server_url=simulator.url, api_key=key) as client,
        pytest.raises(SDKError) as caught,
    ):
        client.chat.complete(model=model, messages=HELLO)
    assert caught.value.status_code == status
    assert words in caught.value.body


def test_the_sdk_reads_a_422(client: Mistral) -> None:
    """The SDK's own error for what the body's validation refuses."""
    with pytest.raises(HTTPValidationError) as caught:
        client.chat.complete(model=MODEL, messages=HELLO, temperature=1.6)
    assert "less than or equal to 1.5" in caught.value.body


def test_a_planned_failure(client: Mistral, simulator: MistralSimulator) -> None:
    """Mistral's envelope."""
    simulator.fail_next("status", status=429, model=MODEL)
    with pytest.raises(SDKError) as caught:
        client.chat.complete(model=MODEL, messages=HELLO)
    assert caught.value.status_code == 429
    assert '"code":"1300"' in caught.value.body
