"""What Cloud Speech-to-Text heard (google-cloud-speech 2.41, RecognizeResponse)."""

import re

import msgspec

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.google_media.languages import UNSPACED
from llmproxy.infra.providers.google_media.transcript import Segment, Transcript, Word
from llmproxy.infra.wire.unreadable import UNREADABLE

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class _Word(msgspec.Struct, rename="camel"):
    word: str = ""
    start_offset: str | None = None
    end_offset: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []


class _Result(msgspec.Struct, rename="camel"):
    alternatives: list[_Alternative] = []
    result_end_offset: str | None = None
    language_code: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    total_billed_duration: str | None = None


class _Heard(msgspec.Struct):
    results: list[_Result] = []
    metadata: _Metadata | None = None


_decode = msgspec.json.Decoder(_Heard).decode


def heard(body: bytes) -> tuple[Transcript, int | None]:
    """Return the transcript, and the milliseconds that are billed where the answer says so.

    Nothing that was said is an empty transcript; an answer without anything is Broken.
    """
    try:
        answer = _decode(body)
    except UNREADABLE as error:
        made = Broken("The provider's transcript cannot be read.", detail=str(error))
        raise made from error
    if not answer.results and answer.metadata is None:
        raise Broken("The provider's answer holds nothing.")
    segments: list[Segment] = []
    for result in answer.results:
        if result.alternatives:
            segments.append(_segment(result, segments[-1].end if segments else 0.0))
    language = next((each.language_code for each in answer.results if each.language_code), "")
    glue = "" if language.lower().startswith(UNSPACED) else " "
    billed = None if answer.metadata is None else _seconds(answer.metadata.total_billed_duration)
    duration = segments[-1].end if segments else 0.0
    transcript = Transcript(
        glue.join(each.text for each in segments if each.text),
        None,
        segments,
        language,
        duration or billed or 0.0,
    )
    return transcript, None if billed is None else round(billed * 1000)


def _segment(result: _Result, begun: float) -> Segment:
    best = result.alternatives[0]
    words = [
        # An offset of 0 is not set in protobuf's JSON.
        Word(each.word, _seconds(each.start_offset) or 0.0, end)
        for each in best.words
        if (end := _seconds(each.end_offset)) is not None
    ]
    start = words[0].start if words else begun
    end = _seconds(result.result_end_offset)
    if end is None:
        end = words[-1].end if words else start
    return Segment(best.transcript.strip(), start, end, words)


def _seconds(duration: str | None) -> float | None:
    """Return the seconds of a `google.protobuf.Duration` as JSON, None where it is not set."""
    found = _DURATION.fullmatch(duration or "")
    return None if found is None else float(found[1])
