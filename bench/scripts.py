"""What the upstream says in each wire, as it goes over TCP.

Every event is a chunk of its own of HTTP's chunked coding. The last piece ends the answer as well:
`[DONE]` (with the usage before it, for who asks), Anthropic's `message_stop`, Gemini's last chunk.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench import claude_wire, gemini_wire, payload

END = b"0\r\n\r\n"
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n%s"
    b"transfer-encoding: chunked\r\n\r\n"
)
_OPENAI_HEADERS = b"x-request-id: req_1\r\nopenai-processing-ms: 12\r\n"
_CLAUDE_HEADERS = b"request-id: req_1\r\nanthropic-organization-id: org_1\r\n"
_GEMINI_HEADERS = b"vary: Origin\r\nserver: scaffolding on HTTPServer2\r\n"


def whole(body: bytes, headers: bytes = _OPENAI_HEADERS) -> bytes:
    """Write an answer in one piece."""
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%s"
        b"content-length: %d\r\n\r\n%s" % (headers, len(body), body)
    )


def chunk(data: bytes) -> bytes:
    """Write a chunk of the chunked coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass(frozen=True, slots=True)
class Script:
    """One wire. A paced stream is `paced_first`, the stamped events and the last `paced_last`."""

    whole: bytes
    streams: Callable[[bytes, bytes], bool]
    """Whether a path and a body ask for a stream."""
    head: bytes
    events: list[bytes]
    events_with_usage: list[bytes]
    """For those who ask for usage as OpenAI has it."""
    paced_first: list[bytes]
    paced_before: bytes
    paced_after: bytes
    paced_last: int


def _paced(halves: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    before, after = halves
    size = len(before) + payload.STAMP_DIGITS + len(after)
    return b"%x\r\n%s" % (size, before), after + b"\r\n"


def _asked(_path: bytes, body: bytes) -> bool:
    return b'"stream":true' in body or b'"stream": true' in body


def _openai() -> Script:
    events = [chunk(event) for event in payload.stream_events()]
    done = chunk(payload.DONE) + END
    before, after = _paced(payload.paced_event())
    return Script(
        whole(payload.answer_body()),
        _asked,
        _STREAM_HEAD % _OPENAI_HEADERS,
        [*events, done],
        [*events, chunk(payload.usage_event()) + done],
        [],
        before,
        after,
        1,
    )


def _claude() -> Script:
    first = [chunk(event) for event in claude_wire.first_events()]
    *last, stop = [chunk(event) for event in claude_wire.last_events()]
    events = [*first, *[chunk(claude_wire.text_event())] * payload.CHUNKS, *last, stop + END]
    before, after = _paced(claude_wire.paced_event())
    return Script(
        whole(claude_wire.answer_body(), _CLAUDE_HEADERS),
        _asked,
        _STREAM_HEAD % _CLAUDE_HEADERS,
        events,
        events,
        first,
        before,
        after,
        len(last) + 1,
    )


def _gemini() -> Script:
    text = chunk(gemini_wire.text_event())
    events = [*[text] * (payload.CHUNKS - 1), chunk(gemini_wire.last_event()) + END]
    before, after = _paced(gemini_wire.paced_event())
    return Script(
        whole(gemini_wire.answer_body(), _GEMINI_HEADERS),
        lambda path, _body: b":streamGenerateContent" in path,
        _STREAM_HEAD % _GEMINI_HEADERS,
        events,
        events,
        [],
        before,
        after,
        1,
    )


OPENAI = _openai()
_CLAUDE = _claude()
_GEMINI = _gemini()


def of_path(path: bytes) -> Script:
    """Tell which wire is spoken there."""
    if path.startswith(b"/v1/messages"):
        return _CLAUDE
    return _GEMINI if b"enerateContent" in path else OPENAI
