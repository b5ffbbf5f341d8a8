"""The simulated speech, proven by openai-python pointed straight at it."""

import base64

import openai
import pytest

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.operations.speech import FORMATS, audio

SPOKEN = "hello there"


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_formats(openai_simulator: OpenAISimulator, kind: str) -> None:
    """Each format has its content type and its own bytes."""
    with openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client:
        answer = client.audio.speech.create(
            model="tts-1",
            input=SPOKEN,
            voice="coral",
            response_format=kind,  # type: ignore[arg-type]
        )

    assert answer.content == audio(SPOKEN, "coral", kind)
    assert answer.response.headers["content-type"] == FORMATS[kind][0]


def test_events(openai_simulator: OpenAISimulator) -> None:
    """In events the same bytes come in pieces, and usage at the end."""
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", input=SPOKEN, voice="coral", stream_format="sse"
        ) as answer,
    ):
        lines = [line for line in answer.iter_lines() if line]

    assert len(lines) > 2
    assert '"speech.audio.done"' in lines[-1]
    pieces = [line.partition('"audio":"')[2].partition('"')[0] for line in lines[:-1]]
    assert b"".join(map(base64.b64decode, pieces)) == audio(SPOKEN, "coral", "mp3")


def test_refusals(openai_simulator: OpenAISimulator) -> None:
    """What OpenAI refuses is refused here."""
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        pytest.raises(openai.BadRequestError),
    ):
        client.audio.speech.create(model="tts-1", input=SPOKEN, voice="coral", stream_format="sse")


def test_azure(azure_simulator: AzureOpenAISimulator) -> None:
    """The dated API has speech under the deployment."""
    with openai.AzureOpenAI(
        azure_endpoint=azure_simulator.url, api_key="azure-key", api_version="2025-04-01-preview"
    ) as client:
        answer = client.audio.speech.create(model="speaker", input=SPOKEN, voice="coral")

    assert answer.content == audio(SPOKEN, "coral", "mp3")
    assert azure_simulator.requests[0].path == "/openai/deployments/speaker/audio/speech"
