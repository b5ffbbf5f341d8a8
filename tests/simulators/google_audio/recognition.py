"""`POST /v2/projects/{p}/locations/{l}/recognizers/_:recognize`: Cloud Speech-to-Text v2.

Fields and shapes: google-cloud-speech 2.41, `speech_v2/types/cloud_speech.py`. 10 MB or one minute:
Google's page "Quotas and limits" (2026). Words for a model that a location does not have:
java-docs-samples 8791; for sounds in no known format: google-cloud-node 5609. Locations of the
chirps and `auto`: Google's pages on chirp_2 and chirp_3. Up to three languages: the same. The words
of the two limits were not seen anywhere.
"""

import base64
import binascii
import math
import re
import uuid
from collections.abc import Mapping

from tests.simulators.answer import Answer, json_answer
from tests.simulators.gemini.errors import bad_field, google_error
from tests.simulators.google_audio.fields import (
    Json,
    body_of,
    check_known,
    enum_of,
    in_range,
    one_of,
    part,
)
from tests.simulators.google_audio.sounds import seconds_of_wav
from tests.simulators.http import Request
from tests.simulators.operations.transcriptions import SECONDS, transcript

# Where a model is; None is everywhere.
MODELS: Mapping[str, frozenset[str] | None] = {
    "chirp_2": frozenset(("us-central1", "europe-west4", "asia-southeast1")),
    "chirp_3": frozenset(
        ("us", "eu", "asia-northeast1", "asia-southeast1", "europe-west2", "europe-west3")
    ),
    "long": None,
    "short": None,
}
ENCODINGS: Mapping[str, int] = {
    "LINEAR16": 1,
    "MULAW": 2,
    "ALAW": 3,
    "AMR": 4,
    "AMR_WB": 5,
    "FLAC": 6,
    "MP3": 7,
    "OGG_OPUS": 8,
    "WEBM_OPUS": 9,
    "MP4_AAC": 10,
    "M4A_AAC": 11,
    "MOV_AAC": 12,
}
MAX_BYTES = 10 * 1024 * 1024
MAX_SECONDS = 60
MAX_LANGUAGES = 3
CONFIDENCE = 0.9375  # a power of two's fraction, as protobuf's float keeps it

_BYTES_OF_A_SAMPLE = {"LINEAR16": 2, "MULAW": 1, "ALAW": 1}
_BODY = frozenset(("config", "configMask", "content", "uri"))
_CONFIG = frozenset(
    (
        "autoDecodingConfig",
        "explicitDecodingConfig",
        "model",
        "languageCodes",
        "features",
        "adaptation",
        "transcriptNormalization",
        "translationConfig",
        "denoiserConfig",
    )
)
_FEATURES = frozenset(
    (
        "profanityFilter",
        "enableWordTimeOffsets",
        "enableWordConfidence",
        "enableAutomaticPunctuation",
        "enableSpokenPunctuation",
        "enableSpokenEmojis",
        "multiChannelMode",
        "diarizationConfig",
        "maxAlternatives",
        "customPromptConfig",
    )
)
_KNOWN = re.compile(
    rb"RIFF....WAVE|ID3|\xff[\xe2-\xff]|OggS|fLaC|\x1aE\xdf\xa3|....ftyp|#!AMR", re.DOTALL
)


def recognize(request: Request, location: str) -> Answer:
    """Hear. Raises RefusalError."""
    body = body_of(request)
    check_known(body, _BODY)
    config = part(body, "config")
    check_known(config, _CONFIG, "config")
    features = part(config, "features")
    check_known(features, _FEATURES, "config.features")
    in_range(features, "maxAlternatives", 0, 30)
    _check_model(config, location)
    data = _content(body)
    seconds = _seconds(config, data)
    if seconds > MAX_SECONDS:
        raise google_error(400, f"Audio can be of a maximum of {MAX_SECONDS} seconds.")
    return json_answer(_heard(config, features, data, seconds))


def text_of(data: bytes, *, punctuated: bool = True, into: str | None = None) -> str:
    """What is heard in a file, and in which language it is said."""
    said = transcript(data) if punctuated else transcript(data).rstrip(".")
    return f"[{into}] {said}" if into else said


def _check_model(config: Json, location: str) -> None:
    model, languages = config.get("model"), config.get("languageCodes") or []
    places = MODELS.get(model or "", frozenset())
    if places is not None and location not in places:
        words = f'The model "{model}" does not exist in the location named "{location}".'
        raise google_error(400, words)
    if not 1 <= len(languages) <= MAX_LANGUAGES:
        words = f"config.language_codes: expected 1 to {MAX_LANGUAGES}, but got {len(languages)}."
        raise google_error(400, words)
    if "auto" in languages and not str(model).startswith("chirp"):
        words = (
            f'The language "auto" is not supported by the model "{model}" in the location named '
            f'"{location}".'
        )
        raise google_error(400, words)
    if config.get("translationConfig") is not None and model != "chirp_2":
        raise google_error(400, "Recognizer does not support feature: translation")


def _content(body: Json) -> bytes:
    source = one_of(body, "content", "uri")
    if source is None:
        raise google_error(400, "Either `content` or `uri` must be set.")
    if source == "uri":
        raise google_error(404, f"{body['uri']}: the simulator has no buckets.")
    try:
        data = base64.b64decode(body["content"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise bad_field("content", "Invalid value at 'content' (TYPE_BYTES)") from error
    if len(data) > MAX_BYTES:
        raise google_error(400, f"Request payload size exceeds the limit: {MAX_BYTES} bytes.")
    return data


def _seconds(config: Json, data: bytes) -> float:
    """How long it sounds: as its header or the explicit decoding says, else always the same."""
    way = one_of(config, "autoDecodingConfig", "explicitDecodingConfig")
    if way is None:
        raise google_error(400, "config: decoding_config must be set.")
    explicit = part(config, "explicitDecodingConfig")
    encoding = enum_of(explicit, "encoding", ENCODINGS)
    rate = in_range(explicit, "sampleRateHertz", 8000, 48_000)
    channels = in_range(explicit, "audioChannelCount", 1, 8)
    if encoding in _BYTES_OF_A_SAMPLE:
        if rate is None or channels is None:
            raise google_error(400, "explicit_decoding_config: rate and channels must be set.")
        return len(data) / (rate * channels * _BYTES_OF_A_SAMPLE[encoding])
    if way == "explicitDecodingConfig" and encoding is None:
        raise google_error(400, "explicit_decoding_config.encoding must be set.")
    if _KNOWN.match(data) is None:
        words = (
            "Audio data does not appear to be in a supported encoding. If you believe this to be "
            "incorrect, try explicitly specifying the decoding parameters."
        )
        raise google_error(400, words)
    return seconds_of_wav(data) if data.startswith(b"RIFF") else SECONDS


def _heard(config: Json, features: Json, data: bytes, seconds: float) -> Json:
    target = part(config, "translationConfig").get("targetLanguage")
    said = text_of(data, punctuated=bool(features.get("enableAutomaticPunctuation")), into=target)
    best: Json = {"transcript": said, "confidence": CONFIDENCE}
    if words := _words(said, features, seconds):
        best["words"] = words
    others = [
        {"transcript": f"{said} ({number})"}
        for number in range(2, min(int(features.get("maxAlternatives") or 1), 3) + 1)
    ]
    language = config["languageCodes"][0]
    result = {
        "alternatives": [best, *others],
        "resultEndOffset": _duration(seconds),
        "languageCode": "en-us" if language == "auto" else language.lower(),
    }
    metadata = {
        "totalBilledDuration": f"{math.ceil(seconds)}s",
        "requestId": uuid.uuid5(uuid.NAMESPACE_OID, said).hex,
    }
    return {"results": [result] if data else [], "metadata": metadata}


def _words(said: str, features: Json, seconds: float) -> list[Json]:
    """The words with what is asked for of them, at equal distances."""
    timed = bool(features.get("enableWordTimeOffsets"))
    sure = bool(features.get("enableWordConfidence"))
    told_apart = features.get("diarizationConfig") is not None
    if not (timed or sure or told_apart):
        return []
    words = said.split()
    step = seconds / len(words)
    return [
        {"word": word}
        | ({"startOffset": _duration(at * step)} if timed else {})
        | ({"endOffset": _duration((at + 1) * step)} if timed else {})
        | ({"confidence": CONFIDENCE} if sure else {})
        | ({"speakerLabel": "1"} if told_apart else {})
        for at, word in enumerate(words)
    ]


def _duration(seconds: float) -> str:
    """A `google.protobuf.Duration` as JSON."""
    return f"{seconds:.3f}s"
