"""One HTTP request to the data plane, over plain ASGI."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from random import Random
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.presence import Presence
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import InvalidRequest, SlowUpload, TooLarge
from llmproxy.infra.controllers.asgi import Headers, Message, Receive, Scope, Send, start
from llmproxy.infra.controllers.client import Client, Room
from llmproxy.infra.controllers.credentials import comes_from_here, key_of

logger = logging.getLogger("llmproxy")

JSON = b"application/json"
PROCESSING_MS = b"openai-processing-ms"
OPENAI_VERSION = b"openai-version"
NAMED_PROJECT = b"x-project-id"
CLIENT = "llmproxy.client"
"""The scope extension of the gateway's own server protocol (`infra/server/cycle.py`).

It is the connection itself, which takes and gives bytes without ASGI's messages. Under another
server those are used instead.
"""


_random_bits = Random(os.urandom(32)).getrandbits  # noqa: S311 - ids must be unique, not secret


class ClientGone(Exception):
    """The client left before its request was complete."""


class Visit:
    """Reads the request, writes the answer, and remembers what the access line needs.

    That is who asked (`caller`, once that is known), the `call` that was made of it, the code of
    the `error` that was answered, and the lines of the answer's `head` as others gave them.
    """

    __slots__ = (
        "_client",
        "_receive",
        "_send",
        "call",
        "caller",
        "crowd",
        "error",
        "gone",
        "head",
        "headers",
        "held_bytes",
        "request_id",
        "scope",
        "started_at",
        "status",
        "subject",
        "trace",
        "watcher",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.started_at = time.perf_counter()
        self.request_id = f"req_{_random_bits(96):024x}"
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.status = 0
        self.subject = ""
        self.caller: Caller | None = None
        self.call: Call | None = None
        self.error: str | None = None
        self.trace: Trace | None = None
        self.head = b""
        self.gone = False
        self.crowd: Room | None = None
        self.held_bytes = 0
        self._receive = receive
        self._send = send
        self._client: Client | None = scope.get("extensions", {}).get(CLIENT)
        self.watcher: asyncio.Task[None] | None = None

    @property
    def kept_bytes(self) -> int:
        """Of what was asked and answered, about how much it holds on to."""
        return 0 if self.call is None else self.call.prompt_bytes

    @property
    def key(self) -> bytes | None:
        """The caller's key."""
        return key_of(self.headers)

    def named_project(self) -> bytes | None:
        """Return the project that a caller without a key names for its usage."""
        return self.headers.get(NAMED_PROJECT)

    def is_local(self) -> bool:
        """Whether the request comes from this machine itself."""
        return comes_from_here(self.scope, self.headers)

    async def body(self, *, max_bytes: int, silence_s: float) -> bytes:
        """Return the whole request body.

        Raises TooLarge, SlowUpload, InvalidRequest or ClientGone.
        """
        kind = self.headers.get(b"content-type", JSON)
        if kind != JSON and not kind.lower().startswith(JSON):
            raise InvalidRequest(
                f"Unsupported content type: {kind[:100].decode('latin-1')!r}.",
                code="unsupported_content_type",
                hint="Send `content-type: application/json`.",
            )
        client = self._client
        if client is not None and client.request_complete:
            body: bytes = client.take()
            if len(body) > max_bytes:
                raise _too_large(max_bytes, "MAX_BODY_BYTES")
            self._hold(len(body))
            return body
        self.declared_bytes(max_bytes, "MAX_BODY_BYTES")
        return await self._receive_all(max_bytes, silence_s)

    def body_bytes(self, max_bytes: int) -> int:
        """Return how large the body is, or is to be; 0 if that is not known. Raises TooLarge."""
        client = self._client
        if client is not None and client.request_complete:
            arrived = len(client.body)
            if arrived > max_bytes:
                raise _too_large(max_bytes, "MAX_BODY_BYTES")  # it would wait for room in vain
            if arrived:
                return arrived
        return self.declared_bytes(max_bytes, "MAX_BODY_BYTES") or 0

    def declared_bytes(self, max_bytes: int, setting: str) -> int | None:
        """Return how large the body is to be, if its head says so. Raises TooLarge."""
        declared = self.headers.get(b"content-length")
        if declared is None:
            return None
        if not declared.isdigit() or int(declared) > max_bytes:
            raise _too_large(max_bytes, setting)
        return int(declared)

    async def pieces(
        self, *, max_bytes: int, silence_s: float, setting: str
    ) -> AsyncGenerator[bytes, None]:
        """Hand over the body as it arrives. Raises TooLarge, SlowUpload or ClientGone."""
        size = 0
        while True:
            message = await self._patiently(silence_s)
            if message["type"] != "http.request":
                raise ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > max_bytes:
                raise _too_large(max_bytes, setting)
            if piece:
                yield piece
            if not message.get("more_body"):
                return

    async def _receive_all(self, max_bytes: int, silence_s: float) -> bytes:
        body = bytearray()
        arriving = self.pieces(max_bytes=max_bytes, silence_s=silence_s, setting="MAX_BODY_BYTES")
        async with aclosing(arriving) as pieces:
            async for piece in pieces:
                body += piece
                self._hold(len(body))
        return bytes(body)

    def _hold(self, size: int) -> None:
        """Take room for what was not declared. Raises Unavailable."""
        if size > self.held_bytes and self.crowd is not None:
            self.crowd.grow(self.held_bytes, size)
            self.held_bytes = size

    async def _patiently(self, silence_s: float) -> Message:
        try:
            async with asyncio.timeout(silence_s):
                return await self._receive()
        except TimeoutError as error:
            raise SlowUpload(f"The request body stopped arriving for {silence_s:g} s.") from error

    @property
    def presence(self) -> Presence | None:
        """Who says when the client leaves; None where only the task's cancellation tells it."""
        return self._client

    def follow_client(self) -> None:
        """From now on this request's task is cancelled when its client leaves.

        Call once the body is read.
        """
        if self._client is not None:
            self._client.cancel_on_disconnect()
        else:
            task = asyncio.current_task()
            self.watcher = asyncio.create_task(self._watch(task))

    def follow_client_early(self) -> None:
        """Do the same before the body is read.

        Under a server without the extension nothing: there a look at the client takes of the body.
        """
        if self._client is not None:
            self._client.cancel_on_disconnect()

    async def _watch(self, task: asyncio.Task[Any] | None) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if task is not None:
            task.cancel()

    @property
    def client_gone(self) -> bool:
        """Whether a cancellation of this request's task comes from its client's leaving."""
        return self.gone or (self._client is not None and self._client.disconnected)

    async def unfollow(self) -> None:
        """Stop watching."""
        if self.watcher is not None:
            self.watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self.watcher

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer; `headers` must hold its content-length."""
        self._stamp(headers)
        self.status = status
        client = self._client
        if client is not None and client.ready:
            client.reply(status, headers, body)
            return
        await self._send(start(status, headers))
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head of an answer whose body follows in pieces."""
        self._stamp(headers)
        self.status = status
        await self._send(start(status, headers))

    def _stamp(self, headers: Headers) -> None:
        """Add what every answer of OpenAI's has, where the provider did not say it."""
        said = self.head = b"\n".join(headers)
        if PROCESSING_MS not in said or OPENAI_VERSION not in said:
            said = said.lower()
            if PROCESSING_MS not in said:
                spent_s = time.perf_counter() - self.started_at
                headers.append(b"%b: %d" % (PROCESSING_MS, spent_s * 1000))
            if OPENAI_VERSION not in said:
                headers.append(b"%b: 2020-10-01" % OPENAI_VERSION)
        headers.append(b"x-request-id: " + self.request_id.encode("ascii"))

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the client does not keep up."""
        client = self._client
        if client is not None and client.ready:
            client.push(data, more=True)
            return
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    @property
    def offer(self) -> Callable[[bytes], bool]:
        """What sends a piece of the body if that needs no waiting, and returns whether it did."""
        return _declines if self._client is None else self._client.offer

    async def end(self, data: bytes) -> None:
        """Send the last piece of the body."""
        await self._send({"type": "http.response.body", "body": data})

    def cut(self, error: Exception) -> None:
        """Close the connection in the middle of an answer, so that it cannot look complete.

        Under a server without the extension that is done by raising the error.
        """
        if self._client is None:
            raise error
        logger.warning("%s was cut: %s", self.request_id, error)
        self._client.cut()


def _declines(_data: bytes) -> bool:
    return False


def _too_large(max_bytes: int, setting: str) -> TooLarge:
    return TooLarge(
        f"The request body is larger than {max_bytes} bytes.",
        hint=f"Send less, or raise {setting}.",
    )
