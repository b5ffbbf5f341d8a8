"""The simulated uploads, proven by openai-python pointed straight at them."""

from collections.abc import Iterator

import openai
import pytest

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.operations.transcriptions import SECONDS, transcript

SOUND = b"RIFF" + bytes(range(256)) * 20
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@pytest.fixture(name="client")
def _client(openai_simulator: OpenAISimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=openai_simulator.base_url, api_key="sk-simulator", max_retries=0
    ) as client:
        yield client


def test_transcriptions(client: openai.OpenAI) -> None:
    """Tokens are counted for the newer models, seconds for whisper."""
    new = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", SOUND))
    old = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", SOUND))

    assert new.text == old.text == transcript(SOUND)
    assert new.usage is not None
    assert new.usage.type == "tokens"
    assert old.usage is not None
    assert old.usage.type == "duration"


@pytest.mark.parametrize("kind", ["text", "srt", "vtt"])
def test_plain_formats(client: openai.OpenAI, kind: str) -> None:
    """Plain formats come as texts."""
    said = client.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", SOUND),
        response_format=kind,  # type: ignore[call-overload]
    )

    assert transcript(SOUND) in said


def test_verbose(client: openai.OpenAI) -> None:
    """The long form has segments and a duration."""
    verbose = client.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", SOUND),
        response_format="verbose_json",
        timestamp_granularities=["segment"],
    )

    assert verbose.duration == SECONDS
    assert verbose.segments is not None
    assert verbose.segments[0].text == transcript(SOUND)


def test_events(client: openai.OpenAI) -> None:
    """Deltas add up to the text; the last event has the usage."""
    events = list(
        client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=("a.wav", SOUND), stream=True
        )
    )

    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == transcript(SOUND)
    assert events[-1].type == "transcript.text.done"
    assert events[-1].usage is not None


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_translations(client: openai.OpenAI) -> None:
    """A translation is a transcription in English."""
    said = client.audio.translations.create(model="whisper-1", file=("a.wav", SOUND))

    assert said.text == transcript(SOUND)


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_images(client: openai.OpenAI) -> None:
    """Edits of one and of several images, streamed too; variations."""
    one = client.images.edit(model="gpt-image-1", image=("a.png", IMAGE), prompt="a hat")
    two = client.images.edit(
        model="gpt-image-1", image=[("a.png", IMAGE), ("b.png", IMAGE)], prompt="a hat", n=2
    )
    events = list(
        client.images.edit(model="gpt-image-1", image=("a.png", IMAGE), prompt="a hat", stream=True)
    )
    varied = client.images.create_variation(image=("a.png", IMAGE), n=2)

    assert len(one.data or []) == 1
    assert len(two.data or []) == 2
    assert [event.type for event in events] == [
        "image_edit.partial_image",
        "image_edit.completed",
    ]
    assert len(varied.data or []) == 2


def test_refusals(client: openai.OpenAI) -> None:
    """Unknown fields and files that are missing are refused."""
    with pytest.raises(openai.BadRequestError) as unknown:
        client.audio.transcriptions.create(
            model="whisper-1", file=("a.wav", SOUND), extra_body={"odd": "1"}
        )
    with pytest.raises(openai.BadRequestError) as missing:
        client.post(
            "/audio/transcriptions",
            cast_to=object,
            files={"other": ("a.wav", SOUND)},
            body={"model": "whisper-1"},
            options={"headers": {"content-type": "multipart/form-data"}},
        )

    assert (unknown.value.param, missing.value.code) == ("odd", "unknown_parameter")


def test_azure(azure_simulator: AzureOpenAISimulator) -> None:
    """Deployments stand in the path, and Azure has no variations."""
    with openai.AzureOpenAI(
        azure_endpoint=azure_simulator.url, api_key="azure-key", api_version="2025-04-01-preview"
    ) as client:
        said = client.audio.transcriptions.create(model="scribe", file=("a.wav", SOUND))
        drawn = client.images.edit(model="painter", image=("a.png", IMAGE), prompt="a hat")

    assert said.text == transcript(SOUND)
    assert drawn.data
    assert azure_simulator.requests[0].path == "/openai/deployments/scribe/audio/transcriptions"
