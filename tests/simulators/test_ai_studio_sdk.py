"""The Gemini API of Google AI Studio, proven by google-genai."""

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.simulators.ai_studio import AiStudioSimulator
from tests.simulators.gemini.client import WEATHER, response_of, tools_of
from tests.simulators.runner import running

FLASH = "gemini-2.5-flash"
SAID = "Simulated answer to: hello there"


def client_of(
    simulator: AiStudioSimulator, key: str = "studio-key", version: str | None = None
) -> genai.Client:
    """Google's client with a key."""
    options = types.HttpOptions(base_url=simulator.url, api_version=version)
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[AiStudioSimulator]:
    with running(AiStudioSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: AiStudioSimulator) -> Iterator[genai.Client]:
    with client_of(simulator) as client:
        yield client


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_answers(simulator: AiStudioSimulator, version: str) -> None:
    """The key goes in a header; usage counts the thoughts."""
    with client_of(simulator, version=version) as client:
        answer = client.models.generate_content(model=FLASH, contents="hello there")

    assert answer.text == SAID
    usage: Any = answer.usage_metadata
    assert usage.total_token_count == (
        usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    )
    [record] = simulator.requests
    assert record.path == f"/{version}/models/{FLASH}:generateContent"
    assert record.header("x-goog-api-key") == "studio-key"


def test_streams(client: genai.Client, simulator: AiStudioSimulator) -> None:
    """Text bit by bit; the last chunk has the reason."""
    chunks: list[Any] = list(
        client.models.generate_content_stream(model=FLASH, contents="hello there")
    )

    assert "".join(chunk.text or "" for chunk in chunks) == SAID
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert (set(reasons[:-1]), reasons[-1]) == ({None}, "STOP")
    assert simulator.requests[0].query == (("alt", "sse"),)


def test_counts(client: genai.Client) -> None:
    """Tokens of a prompt."""
    counted = client.models.count_tokens(model=FLASH, contents="hello there")
    assert counted.total_tokens == 8


def test_a_tool_over_two_turns(client: genai.Client) -> None:
    """The SDK keeps the content with its signature and sends it back."""
    contents: list[Any] = [types.UserContent(parts=[types.Part(text="call get_weather please")])]
    config = types.GenerateContentConfig(tools=tools_of(WEATHER))  # type: ignore[arg-type]
    first: Any = client.models.generate_content(
        model="gemini-3-pro-preview", contents=contents, config=config
    )
    contents.append(first.candidates[0].content)
    contents.append(types.UserContent(parts=[response_of("get_weather", "21 °C")]))
    second = client.models.generate_content(
        model="gemini-3-pro-preview", contents=contents, config=config
    )

    assert [call.name for call in first.function_calls] == ["get_weather"]
    assert "21 °C" in str(second.text)


@pytest.mark.parametrize(
    ("key", "model", "status", "words"),
    [
        ("another", FLASH, 400, "API key not valid"),
        ("studio-key", "no-such-model", 404, "is not found for API version v1"),
        ("studio-key", "imagen-4.0-generate-001", 404, "is not supported for generateContent"),
    ],
)
def test_refuses(
    simulator: AiStudioSimulator, key: str, model: str, status: int, words: str
) -> None:
    """Another key, and models that are not there for this."""
    with client_of(simulator, key) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=model, contents="hello there")
    assert caught.value.code == status
    assert words in str(caught.value.message)


def test_a_planned_failure(client: genai.Client, simulator: AiStudioSimulator) -> None:
    """Google's envelope."""
    simulator.fail_next("status", status=503, model=FLASH)
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=FLASH, contents="hello there")
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
