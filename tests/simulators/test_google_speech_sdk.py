"""Cloud Text-to-Speech, proven by Google's own client over REST."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import texttospeech_v1
from google.oauth2.credentials import Credentials

from tests.simulators.google_audio.sounds import spoken
from tests.simulators.google_audio.synthesis import MAX_BYTES, audio_of
from tests.simulators.google_speech import GoogleSpeechSimulator
from tests.simulators.runner import running

SAID = "Hello there, this is a test."
KORE = "en-US-Chirp3-HD-Kore"

Encoding = texttospeech_v1.AudioEncoding


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[GoogleSpeechSimulator]:
    with running(GoogleSpeechSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="google")
def _google(listening: GoogleSpeechSimulator) -> GoogleSpeechSimulator:
    listening.reset()
    return listening


@pytest.fixture(name="speaker")
def _speaker(google: GoogleSpeechSimulator) -> Iterator[texttospeech_v1.TextToSpeechClient]:
    with texttospeech_v1.TextToSpeechClient(
        transport="rest",
        client_options={"api_endpoint": google.url},
        credentials=Credentials("speech-token", quota_project_id="billed"),  # type: ignore[no-untyped-call]
    ) as client:
        yield client


def speak(
    client: texttospeech_v1.TextToSpeechClient,
    given: dict[str, Any] | None = None,
    *,
    voice: dict[str, Any] | None = None,
    **audio: Any,  # noqa: ANN401 - fields of AudioConfig
) -> bytes:
    """The sound of a text."""
    return client.synthesize_speech(
        input=given or {"text": SAID},
        voice={"language_code": "en-US", "name": KORE} if voice is None else voice,
        audio_config={"audio_encoding": Encoding.MP3} | audio,
    ).audio_content


def test_linear16_is_a_wav_file(speaker: texttospeech_v1.TextToSpeechClient) -> None:
    """LINEAR16 has a header, PCM is the same without it, and the rate is the one asked for."""
    sound = speak(speaker, audio_encoding=Encoding.LINEAR16, sample_rate_hertz=16_000)
    bare = speak(speaker, audio_encoding=Encoding.PCM, sample_rate_hertz=16_000)

    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.readframes(file.getnframes()) == bare
    assert len(set(bare)) > 20


@pytest.mark.parametrize(
    ("encoding", "begins"),
    [
        (Encoding.MP3, b"\xff\xf3"),
        (Encoding.OGG_OPUS, b"OggS"),
        (Encoding.MULAW, b"RIFF"),
        (Encoding.ALAW, b"RIFF"),
        (Encoding.M4A, b"\x00\x00\x00\x1cftyp"),
    ],
)
def test_encodings(
    speaker: texttospeech_v1.TextToSpeechClient, encoding: Encoding, begins: bytes
) -> None:
    """Every encoding begins as its format does, and depends on the text."""
    sound = speak(speaker, audio_encoding=encoding)

    assert sound.startswith(begins)
    assert sound == audio_of(SAID, KORE, encoding.name)
    assert sound != speak(speaker, {"text": SAID + "!"}, audio_encoding=encoding)


@pytest.mark.parametrize("encoding", ["MULAW", "ALAW"])
def test_companding(encoding: str) -> None:
    """Eight bits are near the sixteen they came from (G.711, decoded by its tables' formula)."""
    plain = spoken(SAID, "PCM", rate_hz=8000)
    coded = spoken(SAID, encoding, rate_hz=8000)[44:]
    decode = _from_mulaw if encoding == "MULAW" else _from_alaw

    samples = memoryview(plain).cast("h")
    assert len(coded) == len(samples)
    assert max(abs(decode(c) - s) for c, s in zip(coded, samples, strict=True)) <= 520


def _from_mulaw(code: int) -> int:
    code = ~code & 0xFF
    level = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -level if code & 0x80 else level


def _from_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    level = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 264 << exponent - 1
    return level if code & 0x80 else -level


def test_speed(speaker: texttospeech_v1.TextToSpeechClient) -> None:
    """Twice as fast is half as long; slower than 0.25 or faster than 2 is refused."""
    slow = speak(speaker, audio_encoding=Encoding.PCM, speaking_rate=1)
    fast = speak(speaker, audio_encoding=Encoding.PCM, speaking_rate=2)

    assert abs(len(slow) - 2 * len(fast)) <= 4
    for rate in (0.2, 2.1):
        with pytest.raises(BadRequest, match=r"between 0\.25 and 2"):
            speak(speaker, speaking_rate=rate)


def test_inputs(speaker: texttospeech_v1.TextToSpeechClient) -> None:
    """SSML, markup of Chirp 3, a prompt for Gemini."""
    assert speak(speaker, {"ssml": f"<speak>{SAID}</speak>"})
    assert speak(speaker, {"markup": "Hello [pause] there"})
    gemini = {"language_code": "en-US", "name": "Kore", "model_name": "gemini-2.5-flash-tts"}
    assert speak(speaker, {"text": SAID, "prompt": "Whisper."}, voice=gemini) != (
        speak(speaker, {"text": SAID}, voice=gemini)
    )


@pytest.mark.parametrize(
    ("given", "voice", "words"),
    [
        ({"text": "é" * (MAX_BYTES // 2 + 1)}, None, "limit of 5000 bytes"),
        ({"ssml": "no tag"}, None, "Invalid SSML"),
        ({"text": ""}, None, "must be set"),
        ({"text": "x", "prompt": "Whisper."}, None, "only supported for Gemini"),
        ({"markup": "x"}, {"language_code": "en-US", "name": "en-US-Neural2-C"}, "Chirp 3"),
        ({"text": "x"}, {"language_code": "en-US", "name": "Kore"}, "requires a model name"),
        ({"text": "x"}, {"language_code": "en-US", "name": "en-US-Nobody"}, "does not exist"),
        ({"text": "x"}, {"name": KORE}, "language_code"),
    ],
)
def test_refused_texts(
    speaker: texttospeech_v1.TextToSpeechClient,
    given: dict[str, Any],
    voice: dict[str, Any] | None,
    words: str,
) -> None:
    """What is too long, or does not go with the voice."""
    with pytest.raises(BadRequest, match=words):
        speak(speaker, given, voice=voice)


def test_the_longest_text(speaker: texttospeech_v1.TextToSpeechClient) -> None:
    """5,000 bytes are spoken."""
    assert len(speak(speaker, {"text": "x" * MAX_BYTES})) > MAX_BYTES


def test_voices(speaker: texttospeech_v1.TextToSpeechClient) -> None:
    """All voices, and those of a language."""
    every = speaker.list_voices().voices
    brazilian = speaker.list_voices(language_code="pt-BR").voices

    assert KORE in [voice.name for voice in every]
    assert {tuple(voice.language_codes) for voice in brazilian} == {("pt-BR",)}
    assert len(brazilian) < len(every)


def test_who_pays(
    google: GoogleSpeechSimulator, speaker: texttospeech_v1.TextToSpeechClient
) -> None:
    """The project that pays is named in a header."""
    speak(speaker)

    assert google.requests[0].header("x-goog-user-project") == "billed"
    assert google.requests[0].json["audioConfig"] == {"audioEncoding": "MP3"}
