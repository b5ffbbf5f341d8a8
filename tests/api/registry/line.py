"""A connection that stays open: one request after another, always of the same worker."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

LONGEST_S = 15.0
"""An answer that takes longer has failed: nothing here waits for anybody."""
LONGEST_PAUSE_S = 3.5


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; header names are in small letters. A streamed body is all of its events."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """What an error is called; None for an answer that is none."""
        if self.status < 400:
            return None
        code: str = self.json["error"]["code"]
        return code


class Line:
    """Opened with the first request, and again after a pause in which the server may hang up.

    A server lets go of an idle connection after 5 s: who must stay with one worker asks more often.
    """

    def __init__(self, url: str) -> None:
        self.times_opened = 0
        self._used_at = 0.0
        self._host, _, self._port = url.removeprefix("http://").rpartition(":")
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and read all of its answer; others on this line wait their turn.

        Raises ConnectionError, EOFError or TimeoutError when there is no whole answer.
        """
        async with self._turn, asyncio.timeout(LONGEST_S):
            reader, writer = await self._opened()
            writer.write(_request(method, path, key, body, headers or {}))
            reply = await _answer(reader)
            self._used_at = time.monotonic()
            return reply

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if time.monotonic() - self._used_at > LONGEST_PAUSE_S:
            await self.close()
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
            self.times_opened += 1
        return self._reader, self._writer


def _request(
    method: str, path: str, key: str | None, body: object, headers: Mapping[str, str]
) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(sent)}"]
    if sent:
        lines.append("content-type: application/json")
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + sent


async def _answer(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    if headers.get("transfer-encoding") != "chunked":
        size = int(headers.get("content-length", "0"))
        return Reply(status, headers, await reader.readexactly(size))
    body = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return Reply(status, headers, bytes(body))
