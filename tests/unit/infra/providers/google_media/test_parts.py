"""Sizes, voices, sounds and their types, documents."""

import asyncio
import io
import struct
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, InvalidRequest
from llmproxy.domain.model import Parameters
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.infra.providers.google_media.audio_given import audio_type
from llmproxy.infra.providers.google_media.sizes import GEMINI_RATIOS, IMAGEN_RATIOS, size_of
from llmproxy.infra.providers.google_media.sounds import CODINGS, MAX_SAMPLE_BYTES, Studio
from llmproxy.infra.providers.google_media.transcript import (
    MAX_CUE_CHARS,
    Form,
    Segment,
    Transcript,
    Word,
    written,
)
from llmproxy.infra.providers.google_media.voices import OPENAI, PREBUILT, Voices
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.translated.remarks import Remarks
from tests.unit.infra.providers.google_media.asking import call, model, offered, path_of, sent

TONE = struct.pack("<24000h", *(((at * 40) % 20_000) - 10_000 for at in range(24_000)))


def _remarks() -> Remarks:
    return Remarks("mine", lenient=False)


@pytest.mark.parametrize(
    ("asked", "ratio", "resolution", "changed"),
    [
        (None, None, None, False),
        ("auto", None, None, False),
        ("1024x1024", "1:1", None, False),
        ("512x512", "1:1", None, True),
        ("1536x1024", "3:2", None, True),
        ("1792x1024", "16:9", None, True),
        ("1024x1792", "9:16", None, True),
        ("2048x2048", "1:1", "2K", True),
        ("4096x4096", "1:1", "4K", True),
        ("21:9", "21:9", None, False),
    ],
)
def test_sizes(
    asked: str | None,
    ratio: str | None,
    resolution: str | None,
    changed: bool,  # noqa: FBT001
) -> None:
    """OpenAI's sizes are ratios; those that will not come out exactly are told."""
    remarks = _remarks()
    size = size_of(asked, GEMINI_RATIOS, ("1K", "2K", "4K"), remarks)
    assert size == (ratio, resolution)
    assert remarks.changed == (["size"] if changed else [])


@given(st.integers(10, 99_999), st.integers(10, 99_999))
def test_a_size_is_close_or_refused(width: int, height: int) -> None:
    """Nothing is bent by more than two hundredths."""
    try:
        size = size_of(f"{width}x{height}", IMAGEN_RATIOS, ("1K", "2K"), _remarks())
    except InvalidRequest:
        return
    assert size.ratio is not None
    across, _, up = size.ratio.partition(":")
    assert abs(width / height * int(up) / int(across) - 1) <= 0.02
    assert max(width, height) <= 3584


def test_every_voice_of_openai_has_one_of_googles() -> None:
    """And that one exists; the change is told."""
    voices = Voices(Parameters())
    for name, own in OPENAI.items():
        remarks = _remarks()
        assert voices.voice(name, remarks).name == own
        assert own in PREBUILT
        assert remarks.changed == ["voice"]
    assert len(set(OPENAI.values())) == len(OPENAI)


def test_a_documents_voices() -> None:
    """Names that it maps, and the one for all others of OpenAI's."""
    voices = Voices(Parameters(extra={"voices": {"alloy": "puck"}, "voice": "Zephyr"}))
    assert voices.voice("Alloy", _remarks()).name == "Puck"
    assert voices.voice("coral", _remarks()).name == "Zephyr"
    remarks = _remarks()
    assert voices.voice("KORE", remarks).name == "Kore"
    assert remarks.changed == []
    with pytest.raises(InvalidRequest) as caught:
        voices.voice("nobody", _remarks())
    assert "alloy, Achernar" in caught.value.message


@pytest.mark.parametrize(
    "extra",
    [
        {"voice": "nobody"},
        {"voice": 1},
        {"voices": {"a": "nobody"}},
        {"voices": ["Kore"]},
        {"language_code": 1},
        {"api": "other"},
    ],
)
def test_documents_that_cannot_speak(extra: dict[str, Any]) -> None:
    """The document's fault is said when it is registered."""
    with pytest.raises(Incomplete, match=r"parameters\."):
        offered(model("gemini-2.5-flash-tts", (Operation.AUDIO_TTS,), extra=extra))


@pytest.mark.parametrize("kind", CODINGS)
def test_formats(kind: str) -> None:
    """Each can be decoded again, and lasts as long as the samples."""
    made = asyncio.run(Studio().made(TONE, kind))
    with av.open(io.BytesIO(made)) as file:
        [stream] = file.streams.audio
        assert stream.codec_context.name.removesuffix("float") == kind
        assert stream.codec_context.layout.nb_channels == 1
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("samples", [b"", bytes(MAX_SAMPLE_BYTES + 2)])
def test_sounds_that_are_none(samples: bytes) -> None:
    """Neither silence nor what nobody can have said."""
    with pytest.raises(Broken):
        asyncio.run(Studio().made(samples, "pcm"))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mp3"),
        (b"\xff\xfb\x90\x00", "audio/mp3"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"OggS\0", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"\x1aE\xdf\xa3", "audio/webm"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"text", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_types_of_sound(data: bytes, kind: str | None) -> None:
    """By how a file begins."""
    assert audio_type(data) == kind


def test_cues_are_short() -> None:
    """Long speech is cut between words, and none is lost; unspaced languages stay unspaced."""
    words = [Word(f"word{number}", number * 0.5, number * 0.5 + 0.4) for number in range(100)]
    segment = Segment(" ".join(word.word for word in words), 0.0, 50.0, words)
    said = written(Transcript(segment.text, None, [segment], "en-us", 50.0), Form("srt"), None)
    blocks = [block.split("\n") for block in said.body.decode().split("\n\n") if block]
    assert " ".join(lines[2] for lines in blocks) == segment.text
    assert all(len(lines[2]) <= MAX_CUE_CHARS for lines in blocks)
    assert [lines[0] for lines in blocks] == [str(number + 1) for number in range(len(blocks))]
    japanese = Transcript("", None, [Segment("", 0, 1, words[:2])], "ja-jp", 1.0)
    assert b"word0word1" in written(japanese, Form("vtt"), None).body


@pytest.mark.parametrize(
    ("name", "endpoints"),
    [
        (
            "gemini-2.5-flash",
            {
                Endpoint.EMBEDDINGS,
                Endpoint.AUDIO_SPEECH,
                Endpoint.AUDIO_TRANSCRIPTIONS,
                Endpoint.AUDIO_TRANSLATIONS,
            },
        ),
        (
            "google/gemini-3-pro-image-preview",
            {
                Endpoint.EMBEDDINGS,
                Endpoint.IMAGES_GENERATIONS,
                Endpoint.IMAGES_EDITS,
                Endpoint.AUDIO_SPEECH,
                Endpoint.AUDIO_TRANSCRIPTIONS,
                Endpoint.AUDIO_TRANSLATIONS,
            },
        ),
        (
            "imagen-4.0-generate-001",
            {
                Endpoint.EMBEDDINGS,
                Endpoint.IMAGES_GENERATIONS,
                Endpoint.AUDIO_SPEECH,
                Endpoint.AUDIO_TRANSCRIPTIONS,
            },
        ),
        (
            "chirp_2",
            {
                Endpoint.EMBEDDINGS,
                Endpoint.AUDIO_SPEECH,
                Endpoint.AUDIO_TRANSCRIPTIONS,
                Endpoint.AUDIO_TRANSLATIONS,
            },
        ),
    ],
)
def test_what_a_name_offers(name: str, endpoints: set[Endpoint]) -> None:
    """With every operation in its document; nothing with none."""
    assert set(offered(model(name))) == endpoints
    assert offered(model(name, ())) == {}


def test_who_pays() -> None:
    """A quota project goes with the request where the document names one, and only there."""
    endpoint = Endpoint.AUDIO_SPEECH
    asked = call(endpoint, {"input": "Hi.", "voice": "Kore"})
    for extra, expected in (({}, False), ({"quota_project": "payer-1"}, True)):
        made = offered(model("chirp3-hd", (Operation.AUDIO_TTS,), extra=extra))[endpoint]
        head = sent(made, asked).target.head
        assert (b"x-goog-user-project: payer-1\r\n" in head) is expected


def test_an_endpoint_with_another_version() -> None:
    """One document's endpoint serves whichever service the operation needs."""
    endpoint = Endpoint.AUDIO_SPEECH
    registered = model("chirp3-hd", endpoint="http://127.0.0.1:9/v2/")
    made = offered(registered)[endpoint]
    path = path_of(sent(made, call(endpoint, {"input": "Hi.", "voice": "Kore"})))
    assert path == "127.0.0.1:9/v1/text:synthesize"
