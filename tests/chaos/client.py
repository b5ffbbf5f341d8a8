"""A light client: chat completions over kept connections, and what its user would have seen."""

import asyncio
import json
import re
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.wire import text_of

PATIENCE_S = 60.0
KEPT_S = 5.0
"""As httpx: longer than this no connection is kept that nobody uses."""
_END = b"0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")
_REQUEST_ID = re.compile(rb"\r\nx-request-id: *(\S+)")


class Ending(StrEnum):
    """How a call ended for its client."""

    ANSWERED = "answered"
    """The whole answer."""
    TOLD = "told"
    """An error before the first content: a failure that was not hidden."""
    RAISED = "raised"
    """An error event after the first content."""
    SILENT = "silent"
    """Neither whole nor an error: must never be."""
    NO_ANSWER = "no answer"
    """The gateway did not answer, or not with HTTP: must never be."""


@dataclass(slots=True)
class Call:
    """One call and its end. `body` is a stream's that raised, to be shown to the SDK."""

    number: int
    stream: bool
    ending: Ending = Ending.NO_ANSWER
    code: str | None = None
    request_id: str = ""
    seconds: float = 0.0
    body: bytes = b""


class _Kept(NamedTuple):
    """A connection that waits for its next request since then."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float


class Client:
    """Asks a gateway; keeps connections that have ended their answer in good order."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._host, self._port = host, int(port)
        self._authority = f"{host}:{port}".encode()
        self._free: deque[_Kept] = deque()

    async def ask(self, call: Call, key: bytes = b"sk-none") -> None:
        """Ask, and note in the call how it ended."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ask(call, key)
        except (OSError, EOFError, TimeoutError, ValueError, LookupError, TypeError) as error:
            call.code = f"{type(error).__name__}: {error}"

    async def _ask(self, call: Call, key: bytes) -> None:
        reader, writer = self._kept() or await self._connected()
        kept = False
        try:
            writer.write(_request(call, self._authority, key))
            head = await reader.readuntil(b"\r\n\r\n")
            found = _REQUEST_ID.search(head)
            call.request_id = found[1].decode() if found else ""
            length = _LENGTH.search(head)
            if length is not None:
                body = await reader.readexactly(int(length[1]))
            else:
                body = await _chunks(reader)
            judge(call, int(head[9:12]), body)
            kept = b"\r\nconnection: close" not in head
        finally:
            if kept:
                self._free.append(_Kept(reader, writer, time.monotonic()))
            else:
                writer.close()

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The connection that was used last; those that are too old or were ended are closed."""
        oldest = time.monotonic() - KEPT_S
        while self._free and (self._free[0].since < oldest or self._free[0].reader.at_eof()):
            self._free.popleft().writer.close()
        while self._free:
            reader, writer, _ = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    def close(self) -> None:
        """Close the kept connections."""
        while self._free:
            self._free.pop().writer.close()


def _request(call: Call, authority: bytes, key: bytes) -> bytes:
    stream = b',"stream":true' if call.stream else b""
    message = b'{"role":"user","content":"call %d"}' % call.number
    body = b'{"model":"model","messages":[%b]%b}' % (message, stream)
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: %b\r\nauthorization: Bearer %b\r\n"
        b"content-type: application/json\r\nx-llmproxy-tag: %d\r\ncontent-length: %d\r\n\r\n%b"
        % (authority, key, call.number, len(body), body)
    )


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body. Raises EOFError when the connection ends before it does."""
    received = bytearray()
    while not received.endswith(_END):
        piece = await reader.read(65_536)
        if not piece:
            raise EOFError("the connection ended within an answer")
        received += piece
    body = bytearray()
    at = 0
    while (size := int(received[at : (line := received.index(b"\r\n", at))], 16)) > 0:
        body += received[line + 2 : line + 2 + size]
        at = line + 2 + size + 2
    return bytes(body)


def judge(call: Call, status: int, body: bytes) -> None:
    """Note how a call ended, going by what arrived alone."""
    if status != 200:
        call.ending = Ending.TOLD
        call.code = json.loads(body)["error"]["code"]
    elif call.stream:
        _judge_stream(call, body)
    else:
        said = json.loads(body)["choices"][0]["message"]["content"]
        call.ending = Ending.ANSWERED if said == text_of(call.number) else Ending.SILENT


def _judge_stream(call: Call, body: bytes) -> None:
    """An answer is its whole text, a reason to finish, and `[DONE]`; an error is an event."""
    *events, rest = body.split(b"\n\n")
    data = [event[6:] for event in events if event.startswith(b"data: ")]
    decoded = [json.loads(each) for each in data if each != b"[DONE]"]
    errors = [each["error"] for each in decoded if each.get("error")]
    choices = [choice for each in decoded for choice in each.get("choices", ())]
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    if errors:
        call.ending = Ending.RAISED if said else Ending.TOLD
        call.code = errors[0]["code"]
        call.body = body
        return
    finished = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    whole = said == text_of(call.number) and finished == ["stop"]
    complete = whole and data[-1:] == [b"[DONE]"] and not rest
    call.ending = Ending.ANSWERED if complete else Ending.SILENT
    call.body = b"" if complete else body
