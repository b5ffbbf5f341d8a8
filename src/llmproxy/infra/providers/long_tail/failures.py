"""What these providers say when they fail, whatever its shape, into the gateway's errors.

The status decides, by the one table in `openai_wire/failures.py`; the words are found here:

| provider | body |
|---|---|
| Bedrock | `{"message"}`, and the exception's name in `x-amzn-errortype` |
| Cohere | `{"message"}` |
| Databricks | `{"error_code", "message"}` |
| Gemini | `{"error": {"code", "message", "status", "details"}}` |
| Mistral | `{"message", "type", "code"}`, or `{"message": {"detail": […]}}` for a wrong field |
| watsonx | `{"errors": [{"code", "message"}], "status_code"}` |
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from llmproxy.domain.errors import OwnFault, Refused, UpstreamError
from llmproxy.infra.providers.openai_wire.failures import DETAIL_BYTES, failure, stream_failure
from llmproxy.infra.wire.unreadable import UNREADABLE

_encode = msgspec.json.Encoder().encode
_TOO_LONG: Final = re.compile(
    r"context.{0,20}(?:length|window|limit)|too many (?:input )?tokens|(?:input|prompt) is too long"
    r"|exceeds? the maximum number of (?:input )?tokens|maximum (?:number of )?(?:input )?tokens",
    re.IGNORECASE,
)
DEEPEST: Final = 20
"""So deep words are looked for: nothing above is deeper than four, and Python cannot follow all
that msgspec reads."""
_OWN_KEY: Final = re.compile(r"api[ _]key (?:not valid|expired|invalid)", re.IGNORECASE)
"""Google says 400 to a key that it does not know."""
_OWN_MODEL: Final = re.compile(r"Invalid model: ")
"""Mistral says 400 (code 1500) to a model that it does not know."""
_DELAY: Final = re.compile(rb'"retryDelay": ?"(\d+(?:\.\d+)?)s"')
"""google.rpc.RetryInfo in the details of a 429."""
Lines = Sequence[tuple[bytes, bytes]]


def long_tail_failure(status: int, headers: Lines, body: bytes) -> UpstreamError:
    """Return the error for an answer with another status than 200."""
    words = words_of(body)
    if status == 400 and _OWN_KEY.search(words or ""):
        made: UpstreamError = failure(401, headers, b"")
    elif status == 400 and _OWN_MODEL.match(words or ""):
        made = failure(404, headers, b"")
    else:
        delay = _DELAY.search(body)
        # Of several the last counts: a header says it with more right than the body.
        lines = [(b"retry-after", delay[1]), *headers] if delay and status == 429 else headers
        # ModelErrorException: the model failed in processing, and another try may succeed.
        made = failure(500 if status == 424 else status, lines, _said(words))
    if isinstance(made, Refused):
        made = _named(made, words or "")
    made.upstream_status = status
    made.detail = f"HTTP {status}: {body[:DETAIL_BYTES].decode('utf-8', 'replace')}"
    return made


def in_stream(status: int | None, data: bytes) -> UpstreamError:
    """Return the error for a failure that is told inside a stream."""
    status = status or _status_in(data)
    if status is None:
        made: UpstreamError = stream_failure(_said(words_of(data)))
        made.detail = data[:DETAIL_BYTES].decode("utf-8", "replace")
        return made
    return long_tail_failure(status, (), data)


def _named(refused: Refused, words: str) -> UpstreamError:
    """Say in OpenAI's words what was refused, where that is known."""
    code = "context_length_exceeded" if _TOO_LONG.search(words) else None
    error = {"message": words, "type": "invalid_request_error", "param": None, "code": code}
    named = Refused(words, status=refused.upstream_status or 400, error=error)
    named.passing, named.should_retry = refused.passing, refused.should_retry
    return named


def _said(words: str | None) -> bytes:
    return b"" if words is None else _encode({"error": {"message": words}})


def _status_in(data: bytes) -> int | None:
    decoded = _decoded(data)
    error = decoded.get("error")
    places = (error if isinstance(error, dict) else {}, decoded)
    for place in places:
        for name in ("code", "status_code", "status"):
            value = place.get(name)
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return None


def words_of(body: bytes) -> str | None:
    """Return what the provider says is wrong, None when nothing can be found."""
    decoded = _decoded(body)
    for place in (decoded.get("error"), decoded.get("errors"), decoded):
        found = _words(place)
        if found:
            return found
    return None


def _words(place: object, depth: int = 0) -> str | None:
    if isinstance(place, str):
        return place
    if depth > DEEPEST:
        return None
    if isinstance(place, list):
        return "; ".join(filter(None, [_words(each, depth + 1) for each in place])) or None
    if isinstance(place, Mapping):
        for name in ("message", "Message", "msg", "detail", "error_message"):
            found = _words(place.get(name), depth + 1)
            if found:
                return found
    return None


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    return decoded if isinstance(decoded, dict) else {}


def misconfigured(words: str) -> OwnFault:
    """Return the error for a request that could not be made for a reason of the document's."""
    return OwnFault(
        "The gateway's deployment of this model does not answer as it should.", detail=words
    )
