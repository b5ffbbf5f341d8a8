"""A transcript, and the forms in which OpenAI gives it. Times are in seconds.

Shapes: openai-python 3.57.0 `types/audio/transcription.py`, `transcription_verbose.py`,
`transcription_text_delta_event.py`, `transcription_text_done_event.py`. Of a segment's fields only
those are given that Google knows: no tokens of Whisper's, no probabilities.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.languages import UNSPACED
from llmproxy.infra.providers.google_media.speech_request import events_of
from llmproxy.infra.providers.translated.translation import EVENT_STREAM, Translated

PLAIN = b"text/plain; charset=utf-8"
MAX_CUE_CHARS = 84
"""Two lines of 42, as subtitles have them."""
MAX_CUE_S = 7.0
_encode = msgspec.json.Encoder().encode


class Word(NamedTuple):
    """A word as it was heard."""

    word: str
    start: float
    end: float


class Segment(NamedTuple):
    """A stretch of speech; `words` are empty where no times of them were asked for."""

    text: str
    start: float
    end: float
    words: Sequence[Word] = ()


class Transcript(NamedTuple):
    """All that was said. `duration` is how long it took; `usage` is OpenAI's object."""

    text: str
    usage: Mapping[str, object] | None
    segments: Sequence[Segment] = ()
    language: str = ""
    duration: float = 0.0


class Form(NamedTuple):
    """How a transcript is wanted; `task` is `transcribe` or `translate`."""

    kind: str
    stream: bool = False
    granularities: frozenset[str] = frozenset(("segment",))
    task: str = "transcribe"


def written(transcript: Transcript, form: Form, usage: Usage | None) -> Translated:
    """Return the transcript in this form."""
    if form.stream:
        return Translated(_events(transcript), usage, EVENT_STREAM)
    if form.kind == "json":
        answer: dict[str, object] = {"text": transcript.text}
        if transcript.usage is not None:
            answer["usage"] = transcript.usage
        return Translated(_encode(answer), usage)
    if form.kind == "verbose_json":
        return Translated(_encode(_verbose(transcript, form)), usage)
    text = {"text": _text, "srt": _srt, "vtt": _vtt}[form.kind](transcript)
    return Translated(text.encode(), usage, PLAIN)


def _events(transcript: Transcript) -> bytes:
    """Return the events of a transcript that came in one piece: one delta, and the end."""
    done: dict[str, object] = {"type": "transcript.text.done", "text": transcript.text}
    if transcript.usage is not None and transcript.usage.get("type") == "tokens":
        done["usage"] = transcript.usage
    events: list[dict[str, object]] = [done]
    if transcript.text:
        events.insert(0, {"type": "transcript.text.delta", "delta": transcript.text})
    return events_of(events)


def _verbose(transcript: Transcript, form: Form) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "task": form.task,
        "language": transcript.language,
        "duration": transcript.duration,
        "text": transcript.text,
    }
    if "segment" in form.granularities:
        answer["segments"] = [
            {"id": number, "start": each.start, "end": each.end, "text": each.text}
            for number, each in enumerate(transcript.segments)
        ]
    if "word" in form.granularities:
        answer["words"] = [
            word._asdict() for segment in transcript.segments for word in segment.words
        ]
    if transcript.usage is not None:
        answer["usage"] = transcript.usage
    return answer


def _text(transcript: Transcript) -> str:
    return f"{transcript.text}\n"


def _srt(transcript: Transcript) -> str:
    return "".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(_cues(transcript), 1)
    )


def _vtt(transcript: Transcript) -> str:
    cues = "".join(
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{cue.text}\n\n"
        for cue in _cues(transcript)
    )
    return f"WEBVTT\n\n{cues}"


def _cues(transcript: Transcript) -> Iterator[Segment]:
    """Cut the segments into what is shown at once, where the times of words are known."""
    glue = "" if transcript.language.lower().startswith(UNSPACED) else " "
    for segment in transcript.segments:
        if not segment.words:
            yield segment
        group: list[Word] = []
        for word in segment.words:
            if group and _full([*group, word]):
                yield _cue(group, glue)
                group = []
            group.append(word)
        if group:
            yield _cue(group, glue)


def _full(words: Sequence[Word]) -> bool:
    chars = sum(len(each.word) + 1 for each in words)
    return chars > MAX_CUE_CHARS or words[-1].end - words[0].start > MAX_CUE_S


def _cue(words: Sequence[Word], glue: str) -> Segment:
    return Segment(glue.join(each.word for each in words), words[0].start, words[-1].end)


def _time(seconds: float, point: str) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{point}{ms:03d}"
