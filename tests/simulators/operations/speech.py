"""`POST /v1/audio/speech`: bytes that depend on nothing but the request.

Rules and shapes: OpenAI's API description 2.3.0 (CreateSpeechRequest, SpeechAudioDeltaEvent,
SpeechAudioDoneEvent). The audio is none: a format's first bytes, then a digest, repeated.
"""

import base64
import hashlib
from collections.abc import Mapping

from tests.simulators.answer import Answer, RefusalError, json_bytes
from tests.simulators.model import tokens_of
from tests.simulators.operations.operation import Asked, Operation
from tests.simulators.rules import Body, decoded, unknown_parameter

PARAMETERS = frozenset(
    ("model", "input", "instructions", "voice", "response_format", "speed", "stream_format")
)
FORMATS: Mapping[str, tuple[str, bytes]] = {
    "mp3": ("audio/mpeg", b"\xff\xf3\xe4\xc4"),
    "opus": ("audio/opus", b"OggS"),
    "aac": ("audio/aac", b"\xff\xf1\x58\x80"),
    "flac": ("audio/flac", b"fLaC"),
    "wav": ("audio/wav", b"RIFF\xff\xff\xff\xffWAVE"),
    "pcm": ("audio/pcm", b""),
}
BYTES_PER_CHARACTER = 512
EVENT_BYTES = 3000
MAX_CHARACTERS = 4096


def audio(spoken: str, voice: object, kind: str) -> bytes:
    """The bytes that speak this text."""
    _, magic = FORMATS[kind]
    digest = hashlib.sha512(f"{spoken}|{voice}|{kind}".encode()).digest()
    return magic + digest * (len(spoken) * BYTES_PER_CHARACTER // len(digest))


def speech(asked: Asked) -> Answer:
    """Answer in bytes as they are made, or in events."""
    body = decoded(asked.request.body)
    for name in body:
        if name not in PARAMETERS:
            raise unknown_parameter(name)
    spoken = _text(body, "input")
    if not isinstance(body.get("voice"), str | dict):
        raise _missing("voice")
    kind = body.get("response_format") or "mp3"
    if kind not in FORMATS:
        raise RefusalError(400, f"Invalid value: '{kind}'.", param="response_format")
    data = audio(spoken, body["voice"], kind)
    if body.get("stream_format") == "sse":
        return _events(asked, spoken, data)
    headers = (("content-type", FORMATS[kind][0]), *asked.headers(None))
    return Answer(200, headers, data, chunked=True)


def _events(asked: Asked, spoken: str, data: bytes) -> Answer:
    if asked.model.startswith("tts-1"):
        raise RefusalError(
            400, "stream_format 'sse' is not supported with this model.", param="stream_format"
        )
    pieces = [data[at : at + EVENT_BYTES] for at in range(0, len(data), EVENT_BYTES)]
    deltas = [
        json_bytes({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
        for piece in pieces
    ]
    used = len(tokens_of(spoken))
    usage = {"input_tokens": used, "output_tokens": 2 * used, "total_tokens": 3 * used}
    done = json_bytes({"type": "speech.audio.done", "usage": usage})
    headers = (("content-type", "text/event-stream; charset=utf-8"), *asked.headers(3 * used))
    return Answer(200, headers, events=(*deltas, done))


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _missing(name)
    if len(value) > MAX_CHARACTERS:
        raise RefusalError(
            400,
            f"Invalid '{name}': string too long. Expected a string with maximum length"
            f" {MAX_CHARACTERS}, but got a string with length {len(value)} instead.",
            param=name,
            code="string_above_max_length",
        )
    return value


def _missing(name: str) -> RefusalError:
    return RefusalError(
        400,
        f"Missing required parameter: '{name}'.",
        param=name,
        code="missing_required_parameter",
    )


SPEECH = Operation(speech)
