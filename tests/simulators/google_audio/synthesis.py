"""`POST /v1/text:synthesize` and `GET /v1/voices`: Cloud Text-to-Speech.

Fields, encodings and bounds: google-cloud-texttospeech 2.38, `texttospeech_v1/types/cloud_tts.py`
(speaking_rate 0.25 to 2.0). 5,000 bytes: there (SynthesisInput) and Google's page "Quotas & limits"
(total bytes per request, 2026); its words: wavenet-for-chrome 68. A Gemini voice without a model:
google-cloud-python 14966. The words for a voice that does not exist, for markup and prompts at
other voices were not seen anywhere.
"""

import base64
import re
from collections.abc import Mapping

from tests.simulators.answer import Answer, json_answer
from tests.simulators.gemini.errors import google_error
from tests.simulators.google_audio.fields import (
    Json,
    body_of,
    check_known,
    enum_of,
    in_range,
    one_of,
    part,
)
from tests.simulators.google_audio.sounds import spoken
from tests.simulators.http import Request

ENCODINGS: Mapping[str, int] = {
    "LINEAR16": 1,
    "MP3": 2,
    "OGG_OPUS": 3,
    "MULAW": 5,
    "ALAW": 6,
    "PCM": 7,
    "M4A": 8,
}
MAX_BYTES = 5000
RATE_HZ = 24_000
VOICES: Mapping[str, str] = {
    "en-US-Neural2-C": "FEMALE",
    "en-US-Chirp3-HD-Kore": "FEMALE",
    "en-US-Chirp3-HD-Puck": "MALE",
    "pt-BR-Neural2-A": "FEMALE",
    "pt-BR-Chirp3-HD-Kore": "FEMALE",
    "de-DE-Chirp3-HD-Charon": "MALE",
}
GEMINI_VOICES = ("Charon", "Kore", "Puck", "Zephyr")
GEMINI_MODELS = ("gemini-2.5-flash-tts", "gemini-2.5-flash-lite-preview-tts", "gemini-2.5-pro-tts")

_INPUT = frozenset(
    ("text", "ssml", "markup", "multiSpeakerMarkup", "prompt", "customPronunciations")
)
_VOICE = frozenset(
    (
        "languageCode",
        "name",
        "ssmlGender",
        "customVoice",
        "voiceClone",
        "modelName",
        "multiSpeakerVoiceConfig",
    )
)
_AUDIO = frozenset(
    (
        "audioEncoding",
        "speakingRate",
        "pitch",
        "volumeGainDb",
        "sampleRateHertz",
        "effectsProfileId",
    )
)
_BODY = frozenset(("input", "voice", "audioConfig", "advancedVoiceOptions"))
_RATES = {"OGG_OPUS": (8000, 12_000, 16_000, 24_000, 48_000)}  # RFC 6716


def synthesize(request: Request) -> Answer:
    """Speak. Raises RefusalError."""
    body = body_of(request)
    check_known(body, _BODY)
    given, voice, audio = (part(body, name) for name in ("input", "voice", "audioConfig"))
    check_known(given, _INPUT, "input")
    check_known(voice, _VOICE, "voice")
    check_known(audio, _AUDIO, "audio_config")
    kind = one_of(given, "text", "ssml", "markup", "multiSpeakerMarkup")
    said = given.get(kind or "")
    if kind is None or not isinstance(said, str) or not said:
        raise google_error(400, "Either `input.text` or `input.ssml` must be set.")
    _check_voice(voice, kind, prompted=bool(given.get("prompt")))
    _check_size(given)
    if kind == "ssml" and not re.fullmatch(r"\s*<speak\b.*</speak>\s*", said, re.DOTALL):
        raise google_error(400, "Invalid SSML.")
    data = _sound(said, f"{voice.get('name')}|{given.get('prompt')}", audio)
    return json_answer({"audioContent": base64.b64encode(data).decode()})


def voices(request: Request) -> Answer:
    """The voices, or those of one language."""
    wanted = request.parameter("languageCode") or ""
    return json_answer(
        {
            "voices": [
                {
                    "languageCodes": [name[:5]],
                    "name": name,
                    "ssmlGender": gender,
                    "naturalSampleRateHertz": RATE_HZ,
                }
                for name, gender in VOICES.items()
                if name.lower().startswith(wanted.lower())
            ]
        }
    )


def audio_of(text: str, voice: str | None, encoding: str, *, rate_hz: int = RATE_HZ) -> bytes:
    """What a request without prompt and speed is answered with."""
    return spoken(f"{text}|{voice}|None", encoding, rate_hz=rate_hz)


def _sound(said: str, how: str, audio: Json) -> bytes:
    encoding = enum_of(audio, "audioEncoding", ENCODINGS)
    if encoding is None:
        raise google_error(400, "Request contains an invalid argument: audio_encoding.")
    speed = in_range(audio, "speakingRate", 0.25, 2.0) or 1.0
    in_range(audio, "pitch", -20.0, 20.0)
    in_range(audio, "volumeGainDb", -96.0, 16.0)
    rate = int(in_range(audio, "sampleRateHertz", 8000, 48_000) or RATE_HZ)
    if rate not in _RATES.get(encoding, (rate,)):
        raise google_error(400, f"Sample rate {rate} is not supported for {encoding}.")
    return spoken(f"{said}|{how}", encoding, rate_hz=rate, speed=speed)


def _check_voice(voice: Json, kind: str, *, prompted: bool) -> None:
    name, model = voice.get("name") or "", voice.get("modelName")
    if not voice.get("languageCode"):
        raise google_error(400, "Request contains an invalid argument: voice.language_code.")
    if model is not None and model not in GEMINI_MODELS:
        raise google_error(400, f"Model '{model}' does not exist.")
    if name in GEMINI_VOICES and model is None:
        raise google_error(400, "This voice requires a model name to be specified.")
    if name and name not in (GEMINI_VOICES if model else VOICES):
        raise google_error(400, f"Voice '{name}' does not exist. Is it misspelled?")
    if kind == "markup" and "Chirp3-HD" not in name:
        raise google_error(400, "Markup is only supported for Chirp 3: HD voices.")
    if prompted and model is None:
        raise google_error(400, "A prompt is only supported for Gemini-TTS models.")


def _check_size(given: Json) -> None:
    texts = [value for value in given.values() if isinstance(value, str)]
    if sum(len(text.encode()) for text in texts) > MAX_BYTES:
        words = (
            f"Either `input.text` or `input.ssml` is longer than the limit of {MAX_BYTES} bytes. "
            "This limit is different from quotas. To fix, reduce the byte length of the "
            "characters in this request, or consider using the Long Audio API: "
            "https://cloud.google.com/text-to-speech/docs/create-audio-text-long-audio-synthesis."
        )
        raise google_error(400, words)
