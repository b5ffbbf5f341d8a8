"""The bytes that a provider of the chaos sends: OpenAI's chat completions, made once, filled in.

Shapes as `tests/simulators/chat.py`; the vendor's SDK is run against it in `test_pieces.py`.
"""

import json
from typing import Any

WORDS = ("one", " two", " three", " four", " five", " six", " seven", " eight")
NUMBER = "%d"
PROMPT_TOKENS, COMPLETION_TOKENS = 12, 10
_ID = "chatcmpl-chaos-" + NUMBER
_USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}


def text_of(number: int) -> str:
    """What the call with this number is answered."""
    return f"{number}:" + "".join(WORDS)


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(choices: list[dict[str, Any]], **more: object) -> bytes:
    chunk = {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": 1_763_928_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": choices,
        **more,
    }
    return b"data: " + _dumped(chunk) + b"\n\n"


def _delta(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return _event([{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def head(status: str, kind: str, *lines: str, length: int | None = None) -> bytes:
    """The head of an answer, chunked where there is no length."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    all_lines = (f"HTTP/1.1 {status}", f"content-type: {kind}", framing, *lines)
    return "\r\n".join((*all_lines, "", "")).encode()


STREAM_HEAD = head("200 OK", "text/event-stream; charset=utf-8")
EVENTS = (
    _delta({"role": "assistant", "content": ""}),
    _delta({"content": NUMBER + ":"}),
    *(_delta({"content": word}) for word in WORDS),
    _delta({}, "stop"),
)
_EVENT_OF_USAGE = _event([], usage=_USAGE)
_DONE = b"data: [DONE]\n\n"
FIRST_CONTENT = 1
"""Which event is the first with content."""
_WHOLE = _dumped(
    {
        "id": _ID,
        "object": "chat.completion",
        "created": 1_763_928_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": NUMBER + ":" + "".join(WORDS)},
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    }
)
ERROR_EVENT = b'data: {"error":{"message":"Too bad.","type":"server_error","code":null}}\n\n'
END = b"0\r\n\r\n"
PAGE = b"<html><body>Bad Gateway</body></html>"


def filled(template: bytes, number: int) -> bytes:
    """A template with its numbers."""
    return template.replace(b"%d", b"%d" % number)


def as_chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def events_of(number: int, *, usage: bool) -> list[bytes]:
    """The events of a stream, each a chunk; the last one ends the body."""
    events = [as_chunk(filled(event, number)) for event in EVENTS]
    if usage:
        events.append(as_chunk(filled(_EVENT_OF_USAGE, number)))
    return [*events, as_chunk(_DONE) + END]


def whole_of(number: int) -> bytes:
    """A plain answer, head and body."""
    body = filled(_WHOLE, number)
    return head("200 OK", "application/json", length=len(body)) + body


def failure(status: int, *lines: str) -> bytes:
    """An error of the vendor's, head and body."""
    words = f"Failed with {status}."
    error = {"message": words, "type": "server_error", "param": None, "code": None}
    body = _dumped({"error": error})
    return head(f"{status} Failed", "application/json", *lines, length=len(body)) + body
