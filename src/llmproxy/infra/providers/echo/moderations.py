"""Moderations: the echo model finds nothing wrong with anything."""

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.words import answer_id, check_length, refused
from llmproxy.infra.wire.unreadable import UNREADABLE

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's API description 2.3.0, CreateModerationResponse."""


class _Part(msgspec.Struct):
    type: str
    text: str = ""


_inputs = msgspec.json.Decoder(str | list[str] | None)
_parts = msgspec.json.Decoder(list[_Part])


def moderations_answer(call: Call) -> tuple[dict[str, object], Usage]:
    """Return a verdict per text, or one for all parts together."""
    texts, count = _texts(call.body.value("input") or b"null")
    check_length("input", texts)
    verdict = {
        "flagged": False,
        "categories": dict.fromkeys(CATEGORIES, False),
        "category_scores": dict.fromkeys(CATEGORIES, 0.0),
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
    answer: dict[str, object] = {
        "id": answer_id("modr", call),
        "model": call.model,
        "results": [verdict] * count,
    }
    return answer, Usage(input_tokens=sum(len(text.split()) for text in texts))


def _texts(value: bytes) -> tuple[list[str], int]:
    try:
        if value.lstrip(b"[ \t\r\n").startswith(b"{"):
            return [part.text for part in _parts.decode(value)], 1
        given = _inputs.decode(value) or ""
    except UNREADABLE as error:
        raise refused(f"Invalid 'input': {error}.", "input", "invalid_type") from error
    texts = [given] if isinstance(given, str) else given
    return texts, len(texts)
