"""A whole answer on OpenAI's wire: whether it is one, and the usage it reports."""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.openai_wire.usage import (
    WireUsage,
    drawn_from,
    heard_from,
    usage_from,
)
from llmproxy.infra.wire.unreadable import UNREADABLE

RESULT: Mapping[Endpoint, str] = {
    Endpoint.CHAT_COMPLETIONS: "choices",
    Endpoint.COMPLETIONS: "choices",
    Endpoint.RESPONSES: "output",
    Endpoint.RESPONSES_COMPACT: "output",
    Endpoint.EMBEDDINGS: "data",
    Endpoint.MODERATIONS: "results",
    Endpoint.IMAGES_GENERATIONS: "data",
    Endpoint.IMAGES_EDITS: "data",
    Endpoint.IMAGES_VARIATIONS: "data",
}
"""The array without which an answer is none; transcriptions, which may be plain text, have none."""


IMAGES = frozenset((Endpoint.IMAGES_GENERATIONS, Endpoint.IMAGES_EDITS, Endpoint.IMAGES_VARIATIONS))


class _Judge:
    """Decodes the result's array and the usage of one endpoint's answer, nothing else."""

    def __init__(self, field: str) -> None:
        result = (field, list[msgspec.Raw])
        usage = ("usage", WireUsage | None, None)
        self.whole = msgspec.json.Decoder(msgspec.defstruct("Answer", [result, usage])).decode
        self.result = msgspec.json.Decoder(msgspec.defstruct("Result", [result])).decode


_judges = {endpoint: _Judge(field) for endpoint, field in RESULT.items()}
_usage = msgspec.json.Decoder(
    msgspec.defstruct(
        "Usage", [("usage", WireUsage | None, None), ("duration", float | None, None)]
    )
).decode


def usage_in(endpoint: Endpoint, answer: bytes, content_type: bytes) -> Usage | None:
    """Return the usage of a whole answer, None when it says none that makes sense.

    Raises Broken when this is no answer to what was asked.
    """
    judge = _judges.get(endpoint)
    try:
        if judge is not None:
            read: Any = judge.whole(answer)
        elif content_type.startswith(b"application/json"):
            read = _usage(answer)
        else:
            return None
    except UNREADABLE as error:
        _check_result(judge, answer, error)
        return None
    wire = read.usage
    if wire is None and judge is None and read.duration is not None:
        # whisper-1's verbose_json (CreateTranscriptionResponseVerboseJson) says it outside of usage
        wire = WireUsage(seconds=read.duration)
    if endpoint in IMAGES:
        return drawn_from(wire, len(read.data))
    if wire is None:
        return None
    return heard_from(wire) if judge is None else usage_from(wire)


def _check_result(judge: _Judge | None, answer: bytes, error: Exception) -> None:
    """Let an answer whose usage makes no sense pass: it is an answer all the same."""
    try:
        if judge is not None:
            judge.result(answer)
            return
        msgspec.json.decode(answer)
    except UNREADABLE:
        message = "The provider's answer is not what was asked for."
        raise unreadable(message, answer, str(error)) from error
