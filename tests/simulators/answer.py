"""What a vendor answers, before anything goes wrong on the way."""

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from tests.simulators.frames import Talk

Headers = tuple[tuple[str, str], ...]


class Bare(bytes):
    """An event of a stream that is sent as it is, without `data: `."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `events` is a stream's (each one the text after `data: `), then `body` is
    not used.

    `named` puts `event: {type}` before each event, as OpenAI does for typed events.
    `crlf` ends its lines in CRLF, as Google does; `stream_error` is what this vendor puts into a
    stream that fails (OpenAI's error where it is None).
    `session` is run once the connection has switched to a WebSocket (status 101).
    `chunked` sends a plain body in chunks; `declared_bytes` lies about its length.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    events: tuple[bytes, ...] | None = None
    named: bool = False
    crlf: bool = False
    stream_error: bytes | None = None
    chunked: bool = False
    declared_bytes: int | None = None
    session: "Session | None" = None


class Session(Protocol):
    """What a vendor says and hears over a WebSocket."""

    async def run(self, talk: Talk) -> None:
        """Talk until the client closes."""


class RefusalError(Exception):
    """A request that the vendor does not serve. `envelope` is its whole JSON body where it is not
    OpenAI's.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str | None = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        envelope: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.envelope = envelope or {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


def json_bytes(value: object, *, indent: int | None = None) -> bytes:
    """Compact JSON, or indented as OpenAI's plain answers are; never escaped beyond need."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, separators=separators, indent=indent)
    return text.encode()


def json_answer(
    value: object, *, status: int = 200, headers: Headers = (), indent: int | None = None
) -> Answer:
    """A plain JSON answer."""
    kind = (("content-type", "application/json"),)
    return Answer(status, kind + headers, json_bytes(value, indent=indent))


def typed_stream(events: list[dict[str, Any]], headers: Headers = ()) -> Answer:
    """A stream of typed events, which needs no `[DONE]`."""
    return Answer(
        200,
        (("content-type", "text/event-stream; charset=utf-8"), *headers),
        events=tuple(json_bytes(event) for event in events),
        named=True,
    )


def framed(answer: Answer, event: bytes) -> bytes:
    """One event of a stream as it is sent."""
    if isinstance(event, Bare):
        return bytes(event)
    kind = re.match(rb'\{"type": ?"([a-z._]+)"', event) if answer.named else None
    line = b"" if kind is None else b"event: %b\n" % kind[1]
    end = b"\r\n\r\n" if answer.crlf else b"\n\n"
    return line + b"data: %b%b" % (event, end)


def stream_answer(chunks: list[dict[str, Any]], headers: Headers = ()) -> Answer:
    """A stream of chunks that ends in `[DONE]`."""
    events = (*(json_bytes(chunk) for chunk in chunks), b"[DONE]")
    return Answer(
        200, (("content-type", "text/event-stream; charset=utf-8"), *headers), events=events
    )


def provisioned(utilization: float | None) -> Headers:
    """What a provisioned deployment says of itself (learn.microsoft.com, Q&A 1703225)."""
    if utilization is None:
        return ()
    return (("azure-openai-deployment-utilization", f"{utilization:.1f}%"),)
