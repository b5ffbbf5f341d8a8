"""A visit that keeps what was asked and answered, where contents are logged or told on spans.

Elsewhere `Visit` is used, and nothing of this costs anything.
"""

from collections.abc import Callable

from typing_extensions import override

from llmproxy.infra.controllers.asgi import Headers, Receive, Scope, Send
from llmproxy.infra.controllers.visit import Visit

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an answer in pieces; the rest is counted. An answer in one piece is in memory anyway."""
READABLE = (b"content-type: application/json", b"content-type: text/")


class RecordedVisit(Visit):
    """`asked` is the body of a request in JSON; `answered` what was sent of a readable answer."""

    __slots__ = ("_kept_bytes", "_readable", "answered", "answered_bytes", "asked")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.asked = b""
        self.answered: list[bytes] = []
        self.answered_bytes = 0
        self._kept_bytes = 0
        self._readable = False

    @property
    @override
    def kept_bytes(self) -> int:
        return super().kept_bytes + len(self.asked) + sum(map(len, self.answered))

    @override
    async def body(self, *, max_bytes: int, silence_s: float) -> bytes:
        body = await super().body(max_bytes=max_bytes, silence_s=silence_s)
        if self.keeps:
            self.asked = body
        return body

    @property
    def keeps(self) -> bool:
        """Whether this one is kept: all are, unless a kind of its own says otherwise."""
        return True

    @override
    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        await super().reply(status, headers, body)
        self._begin()
        self.answered_bytes = len(body)
        if self._readable:
            self.answered.append(body)

    @override
    async def begin(self, status: int, headers: Headers) -> None:
        await super().begin(status, headers)
        self._begin()

    @override
    async def write(self, data: bytes) -> None:
        self._keep(data)
        await super().write(data)

    @override
    async def end(self, data: bytes) -> None:
        self._keep(data)
        await super().end(data)

    @property
    @override
    def offer(self) -> Callable[[bytes], bool]:
        offer = super().offer

        def offer_and_keep(data: bytes) -> bool:
            taken = offer(data)
            if taken:
                self._keep(data)
            return taken

        return offer_and_keep

    def _begin(self) -> None:
        head = self.head.lower()
        self._readable = self.keeps and any(kind in head for kind in READABLE)

    def _keep(self, data: bytes) -> None:
        self.answered_bytes += len(data)
        if self._readable and self._kept_bytes < MAX_ANSWER_BYTES:
            piece = bytes(data[: MAX_ANSWER_BYTES - self._kept_bytes])
            self._kept_bytes += len(piece)
            self.answered.append(piece)
