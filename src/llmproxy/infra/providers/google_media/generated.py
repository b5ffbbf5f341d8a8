"""What `generateContent` made: its media and its words, or why there are none.

Reasons to end: google-genai 3.6.1 `types.FinishReason`.
"""

import base64
import binascii
from typing import NamedTuple

import msgspec

from llmproxy.domain.errors import Broken, Refused
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.gemini.answer import NULL, Candidate, read_answer
from llmproxy.infra.providers.gemini.finishes import UNSAID, UNWELL
from llmproxy.infra.providers.gemini.usage import UsageMetadata, usage_of
from llmproxy.infra.providers.vertex.failures import unwell
from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_WORDS = 300
CUT = frozenset(("MAX_TOKENS", "CONTINUATION"))
ENDED = frozenset(("STOP", "NO_IMAGE"))
NOTHING_SAID = UsageMetadata()
_usage = msgspec.json.Decoder(UsageMetadata).decode


class Medium(NamedTuple):
    """A picture or a piece of sound. `data` is base64."""

    mime_type: str
    data: str


class Generated(NamedTuple):
    """One candidate, and what it used: `usage` is None where the provider did not say."""

    media: list[Medium]
    words: str
    cut: bool
    usage: Usage | None
    said: UsageMetadata


def generated(body: bytes) -> Generated:
    """Read the one candidate of an answer.

    Raises Refused with the code `content_filter` for what the filter held back, Broken for an
    answer that makes no sense.
    """
    answer = read_answer(body)
    if not answer.candidates:
        raise Broken("The provider's answer holds nothing.")
    candidate = answer.candidates[0]
    reason = candidate.finish_reason or UNSAID
    if reason in UNWELL:
        raise unwell(reason, candidate.finish_message)
    if reason == UNSAID:
        raise Broken("The provider's answer does not say that it is complete.")
    if reason not in ENDED and reason not in CUT:
        raise refused(f"The provider's filter held the answer back ({reason}).", "content_filter")
    said, usage = NOTHING_SAID, None
    if answer.usage_metadata != NULL:
        try:
            said = _usage(answer.usage_metadata)
        except UNREADABLE as error:
            raise Broken("The provider's usage cannot be read.", detail=str(error)) from error
        usage = usage_of(said)
    return Generated(_media(candidate), _words(candidate), reason in CUT, usage, said)


def refused(message: str, code: str, param: str | None = None) -> Refused:
    """Return the refusal of a request whose answer the provider would not or could not give."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Refused(message, status=400, error=error)


def decoded(data: str) -> bytes:
    """Return what base64 stands for. Raises Broken."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Broken("The provider's answer holds no base64.", detail=str(error)) from error


def in_short(words: str) -> str:
    """Return the beginning of what a model said, in one line."""
    line = " ".join(words.split())
    return line if len(line) <= MAX_WORDS else f"{line[:MAX_WORDS]}…"


def _media(candidate: Candidate) -> list[Medium]:
    parts = () if candidate.content is None else candidate.content.parts
    return [
        Medium(part.inline_data.mime_type, part.inline_data.data)
        for part in parts
        if part.inline_data is not None and not part.thought
    ]


def _words(candidate: Candidate) -> str:
    parts = () if candidate.content is None else candidate.content.parts
    return "".join(part.text or "" for part in parts if not part.thought)
