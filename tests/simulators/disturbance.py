"""Faults in what is said: pure changes of an answer before it is sent."""

import gzip
import re
from collections.abc import Callable
from dataclasses import replace

from tests.simulators.answer import Answer, Headers, framed, json_bytes
from tests.simulators.faults import Fault, FaultKind

DONE = b"[DONE]"

# As both official SDKs raise on it: an object with a truthy `error` in a plain `data:` line.
STREAM_ERROR = json_bytes(
    {
        "error": {
            "message": "The server had an error while processing your request. Sorry about that!",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }
)
_TEXT = re.compile(rb'"content": ?"')
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\r\n"


def disturb(answer: Answer, fault: Fault) -> Answer:
    """The answer with the fault's change, if the fault changes what is said. Extra headers are
    always added.
    """
    change = _CHANGES.get(fault.kind)
    changed = change(answer, fault) if change else answer
    return replace(changed, headers=_over(changed.headers, fault.headers))


def as_body(answer: Answer) -> bytes:
    """The bytes of the whole body: a stream's with its framing."""
    if answer.events is None:
        return answer.body
    return b"".join(framed(answer, event) for event in answer.events)


def _over(headers: Headers, extra: Headers) -> Headers:
    """Headers with others put over them."""
    names = {name.lower() for name, _ in extra}
    return (*((name, value) for name, value in headers if name.lower() not in names), *extra)


def _page(_: Answer, fault: Fault) -> Answer:
    return Answer(fault.status or 502, (("content-type", "text/html"),), fault.body or _PAGE)


def _body(answer: Answer, fault: Fault, body: bytes) -> Answer:
    headers = _over(answer.headers, (("content-type", "application/json"),))
    return Answer(fault.status or answer.status, headers, body)


def _truncated(answer: Answer, fault: Fault) -> Answer:
    whole = as_body(answer)
    return replace(
        answer, status=fault.status or answer.status, body=whole[: len(whole) // 2], events=None
    )


def _wrong_length(answer: Answer, _: Fault) -> Answer:
    whole = as_body(answer)
    return replace(answer, body=whole, events=None, declared_bytes=len(whole) + 100)


def _short_length(answer: Answer, _: Fault) -> Answer:
    whole = as_body(answer)
    return replace(answer, body=whole, events=None, declared_bytes=len(whole) // 2)


def _huge(answer: Answer, fault: Fault) -> Answer:
    """The answer with a long text put before its own: of the message, or of one event."""

    def grown(said: bytes) -> bytes:
        return _TEXT.sub(lambda found: found[0] + b"x" * fault.huge_bytes, said, count=1)

    if answer.events is None:
        return replace(answer, body=grown(answer.body))
    at = min(fault.after_events, len(answer.events) - 1)
    events = (*answer.events[:at], grown(answer.events[at]), *answer.events[at + 1 :])
    return replace(answer, events=events)


def _gzip(answer: Answer, _: Fault) -> Answer:
    headers = _over(answer.headers, (("content-encoding", "gzip"),))
    return replace(
        answer, headers=headers, body=gzip.compress(as_body(answer), mtime=0), events=None
    )


def _no_done(answer: Answer, _: Fault) -> Answer:
    if answer.events is None:
        return answer
    return replace(answer, events=tuple(event for event in answer.events if event != DONE))


def _error_frame(answer: Answer, fault: Fault) -> Answer:
    if answer.events is None:
        return answer
    said = fault.body or answer.stream_error or STREAM_ERROR
    return replace(answer, events=(*answer.events[: fault.after_events], said))


def _garbage_event(answer: Answer, fault: Fault) -> Answer:
    if answer.events is None:
        return answer
    at = min(fault.after_events, len(answer.events) - 1)
    broken = answer.events[at][: len(answer.events[at]) // 2]
    return replace(answer, events=(*answer.events[:at], broken, *answer.events[at + 1 :]))


_CHANGES: dict[FaultKind, Callable[[Answer, Fault], Answer]] = {
    FaultKind.HTML: _page,
    FaultKind.NULL: lambda answer, fault: _body(answer, fault, b"null"),
    FaultKind.EMPTY_BODY: lambda answer, fault: _body(answer, fault, b""),
    FaultKind.TRUNCATED_JSON: _truncated,
    FaultKind.WRONG_CONTENT_LENGTH: _wrong_length,
    FaultKind.SHORT_CONTENT_LENGTH: _short_length,
    FaultKind.HUGE: _huge,
    FaultKind.GZIP: _gzip,
    FaultKind.CHUNKED: lambda answer, _: replace(answer, chunked=True),
    FaultKind.NO_DONE: _no_done,
    FaultKind.ERROR_FRAME: _error_frame,
    FaultKind.GARBAGE_EVENT: _garbage_event,
}
