"""`POST /v1/audio/transcriptions` and `/translations`: a text that depends on the file alone.

Rules and shapes: OpenAI's API description 2.3.0 (CreateTranscriptionRequest and its answers and
events, CreateTranslationRequest). whisper-1 is counted in seconds and does not stream: it answers
in one piece, whatever is asked.
"""

import hashlib
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, typed_stream
from tests.simulators.forms import Field, files_of, form_of, model_in_form, texts_of
from tests.simulators.operations.operation import Asked, Operation

TRANSLATION = frozenset(("file", "model", "prompt", "response_format", "temperature"))
TRANSCRIPTION = TRANSLATION | {
    "chunking_strategy",
    "include",
    "known_speaker_names",
    "known_speaker_references",
    "language",
    "stream",
    "timestamp_granularities",
}
SECONDS = 4.5
FORMATS = frozenset(("json", "text", "srt", "verbose_json", "vtt"))
TEXT_KIND = "text/plain; charset=utf-8"


def transcript(data: bytes) -> str:
    """What is said in a file."""
    return f"You said {hashlib.sha256(data).hexdigest()[:24]} in {len(data)} bytes."


def transcriptions(asked: Asked) -> Answer:
    """Answer in the format that is asked for, or in events."""
    fields = form_of(asked.request)
    texts = texts_of(fields, TRANSCRIPTION)
    return _answer(asked, fields, texts)


def translations(asked: Asked) -> Answer:
    """The same in English, never in events."""
    fields = form_of(asked.request)
    texts = texts_of(fields, TRANSLATION)
    return _answer(asked, fields, texts)


def _answer(asked: Asked, fields: list[Field], texts: dict[str, str]) -> Answer:
    [file] = files_of(fields, "file")
    said = transcript(file.value)
    whisper = asked.model.startswith("whisper")
    kind = texts.get("response_format", "json")
    if kind not in FORMATS:
        raise RefusalError(400, f"Invalid value: '{kind}'.", param="response_format")
    if texts.get("stream") == "true" and not whisper:
        return typed_stream(_events(said), asked.headers(None))
    if kind == "json":
        usage = {"type": "duration", "seconds": SECONDS} if whisper else _tokens(said)
        return json_answer({"text": said, "usage": usage}, headers=asked.headers(None))
    if kind == "verbose_json":
        return json_answer(_verbose(said), headers=asked.headers(None))
    body = {
        "text": f"{said}\n",
        "srt": f"1\n00:00:00,000 --> 00:00:04,500\n{said}\n\n",
        "vtt": f"WEBVTT\n\n00:00:00.000 --> 00:00:04.500\n{said}\n\n",
    }[kind]
    return Answer(200, (("content-type", TEXT_KIND), *asked.headers(None)), body.encode())


def _verbose(said: str) -> dict[str, Any]:
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": SECONDS, "text": said, "tokens": [1, 2]}
    scores = {"temperature": 0.0, "avg_logprob": -0.2}
    more = {"compression_ratio": 1.0, "no_speech_prob": 0.01}
    return {
        "task": "transcribe",
        "language": "english",
        "duration": SECONDS,
        "text": said,
        "segments": [segment | scores | more],
    }


def _tokens(said: str) -> dict[str, Any]:
    written = len(said.split())
    return {
        "type": "tokens",
        "input_tokens": 45,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 45},
        "output_tokens": written,
        "total_tokens": 45 + written,
    }


def _events(said: str) -> list[dict[str, Any]]:
    words = said.split(" ")
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    deltas = [{"type": "transcript.text.delta", "delta": piece} for piece in pieces]
    return [*deltas, {"type": "transcript.text.done", "text": said, "usage": _tokens(said)}]


TRANSCRIPTIONS = Operation(transcriptions, model_in_form)
TRANSLATIONS = Operation(translations, model_in_form)
