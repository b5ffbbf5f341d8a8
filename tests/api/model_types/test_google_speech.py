"""Speech of Google's models, through the official SDK."""

import base64
import json
import struct
from typing import Any

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.simulators.google_audio.synthesis import audio_of
from tests.simulators.operations.speech import audio

SAID = "Hello there."
SPEAKERS = ("google-gemini-2.5-flash-tts", "google-chirp3-hd", "google-cloud-gemini")
MAGIC = {
    "mp3": (b"ID3", b"\xff\xf3", b"\xff\xfb"),
    "opus": (b"OggS",),
    "aac": (b"\xff\xf1",),
    "flac": (b"fLaC",),
    "wav": (b"RIFF",),
}
pytestmark = pytest.mark.conformance(provider="GoogleVertex")


def _sent(stage: Stage) -> list[dict[str, Any]]:
    requests = (*stage.simulators["vertex"].requests, *stage.simulators["google-speech"].requests)
    return [json.loads(each.body) for each in requests]


@pytest.mark.conformance(operation="audio/speech", aspect=("plain", "usage"))
@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
@pytest.mark.parametrize("model", SPEAKERS)
def test_speech(client: openai.OpenAI, stage: Stage, model: str, kind: str) -> None:
    """Every format of OpenAI's, with a voice of OpenAI's, which the answer says was exchanged."""
    raw = client.audio.speech.with_raw_response.create(
        model=model,
        voice="alloy",
        input=SAID,
        response_format=kind,  # type: ignore[arg-type]
    )

    assert raw.headers["x-llmproxy-changed"] == "voice"
    assert raw.headers["content-type"].startswith("audio/")
    assert raw.content.startswith(MAGIC.get(kind, (b"",)))
    assert len(raw.content) > 500
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][11], line["usage"][-1]) == ("finished", len(SAID), False)
    if model == SPEAKERS[0]:
        assert line["usage"][6] > 0


@pytest.mark.conformance(operation="audio/speech", aspect="plain")
def test_the_very_samples(client: openai.OpenAI) -> None:
    """What the provider says is what is heard, as samples, behind a header, and in its own MP3."""
    asked: dict[str, Any] = {"model": "google-gemini-2.5-flash-tts", "voice": "Kore", "input": SAID}
    samples = audio(SAID, "Kore", "pcm")
    pcm = client.audio.speech.create(**asked, response_format="pcm").content
    framed = client.audio.speech.create(**asked, response_format="wav").content
    assert pcm == samples
    assert (framed[:4], framed[44:]) == (b"RIFF", samples)
    assert struct.unpack_from("<I", framed, 24) == (24_000,)
    mp3 = client.audio.speech.create(model="google-chirp3-hd", voice="puck", input=SAID)
    assert mp3.content == audio_of(SAID, "en-US-Chirp3-HD-Puck", "MP3")


@pytest.mark.conformance(operation="audio/speech", aspect="plain")
def test_how_to_speak(client: openai.OpenAI, stage: Stage) -> None:
    """Instructions go before the text, or beside it where there is a place; speed where it is."""
    how = "Speak calmly."
    asked: dict[str, Any] = {"input": SAID, "voice": "Kore", "instructions": how}
    client.audio.speech.create(model="google-gemini-2.5-flash-tts", **asked)
    client.audio.speech.create(model="google-cloud-gemini", **asked, speed=1.5)
    first, second = _sent(stage)
    assert first["contents"][0]["parts"] == [{"text": f"Speak calmly: {SAID}"}]
    assert second["input"] == {"text": SAID, "prompt": how}
    assert second["audioConfig"]["speakingRate"] == 1.5
    assert second["voice"]["modelName"] == "gemini-2.5-flash-tts"


@pytest.mark.conformance(operation="audio/speech", aspect="plain")
@pytest.mark.parametrize(
    ("model", "voice", "spoken"),
    [
        ("google-own-voices", "narrator", "Puck"),
        ("google-own-voices", "alloy", "Zephyr"),
        ("google-own-voices", "kore", "Kore"),
        ("google-chirp3-hd", "pt-BR-Chirp3-HD-Kore", "pt-BR-Chirp3-HD-Kore"),
        ("google-neural2", "alloy", "en-US-Neural2-C"),
        ("google-neural2", "pt-BR-Neural2-A", "pt-BR-Neural2-A"),
    ],
)
def test_whose_voice(
    client: openai.OpenAI, stage: Stage, model: str, voice: str, spoken: str
) -> None:
    """A document may name voices of its own; a provider's own are taken as they are."""
    raw = client.audio.speech.with_raw_response.create(model=model, voice=voice, input=SAID)
    assert ("x-llmproxy-changed" in raw.headers) is (voice in ("narrator", "alloy"))
    assert f'"{spoken}"' in json.dumps(_sent(stage))


@pytest.mark.conformance(operation="audio/speech", aspect="stream")
@pytest.mark.parametrize("model", SPEAKERS)
def test_speech_in_events(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The same bytes in deltas, then the end with the tokens, where there are any."""
    asked: dict[str, Any] = {
        "model": model,
        "voice": "Kore",
        "input": SAID,
        "response_format": "pcm",
    }
    plain = client.audio.speech.create(**asked).content
    raw = client.audio.speech.with_raw_response.create(**asked, stream_format="sse")
    lines = [line for line in raw.content.split(b"\n\n") if line]
    events = [json.loads(line.removeprefix(b"data: ")) for line in lines]
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert {each["type"] for each in events[:-1]} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(each["audio"]) for each in events[:-1]) == plain
    assert events[-1]["type"] == "speech.audio.done"
    assert ("usage" in events[-1]) is (model == SPEAKERS[0])
    stage.settled(2)


@pytest.mark.conformance(operation="audio/speech", aspect="errors")
@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("google-gemini-2.5-flash-tts", {"voice": "nobody"}, "voice"),
        ("google-gemini-2.5-flash-tts", {"voice": "en-US-Neural2-C"}, "voice"),
        ("google-gemini-2.5-flash-tts", {"speed": 1.5}, "speed"),
        ("google-neural2", {"voice": "en-US-Chirp3-HD-Kore"}, "voice"),
        ("google-chirp3-hd", {"speed": 3}, "speed"),
        ("google-chirp3-hd", {"instructions": "Be calm."}, "instructions"),
        ("google-chirp3-hd", {"input": "ü" * 2600}, "input"),
        ("google-chirp3-hd", {"extra_body": {"no_such_parameter": 1}}, "no_such_parameter"),
    ],
)
def test_speech_that_cannot_be(
    client: openai.OpenAI, stage: Stage, model: str, fields: dict[str, Any], param: str
) -> None:
    """A 400 names the field, and nothing is sent."""
    asked: dict[str, Any] = {"model": model, "voice": "Kore", "input": SAID, **fields}
    if model == "google-neural2" and "voice" not in fields:
        asked["voice"] = "en-US-Neural2-C"
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(**asked)
    assert caught.value.param == param
    assert _sent(stage) == []


@pytest.mark.conformance(operation="audio/speech", aspect="errors")
@pytest.mark.parametrize("model", SPEAKERS[:2])
@pytest.mark.parametrize("fault", ["truncated_json", "html", "null", "empty_body"])
def test_speech_that_is_none(client: openai.OpenAI, stage: Stage, model: str, fault: str) -> None:
    """It is a 502, never silence."""
    name = "vertex" if model == SPEAKERS[0] else "google-speech"
    stage.simulators[name].fail_next(fault)
    with pytest.raises(openai.InternalServerError) as caught:
        client.audio.speech.create(model=model, voice="Kore", input=SAID)
    assert caught.value.status_code == 502
    stage.settled()
