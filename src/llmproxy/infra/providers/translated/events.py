"""A translated answer on its way in: what a reader makes of the bytes that arrive."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from typing_extensions import override

from llmproxy.application.interfaces.upstream import Events, Headers, Reply
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.incoming import Again, Incoming, unexpected_kind
from llmproxy.infra.providers.translated.translation import Reader, Translation
from llmproxy.infra.providers.transport.exchange import Exchange


class TranslatedEvents(Incoming):
    """Hands what arrives to the reader, and its events on."""

    def __init__(
        self,
        exchange: Exchange,
        again: Again,
        translation: Translation,
        reader: Reader,
    ) -> None:
        super().__init__(exchange, again)
        self._translation = translation
        self._reader = reader
        self._kept = b""
        self._read = 0
        self._late: UpstreamError | None = None
        self._ended = False

    @override
    async def next(self) -> bytes | None:
        batch = await super().next()
        if batch is not None or self._ended:
            return batch
        self._ended = True
        last = self._reader.end()
        self.usage = self._reader.usage
        return last or None

    @override
    def refusal(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return self._translation.failure(status, headers, body)

    @override
    def further_of(self, head: bytes) -> Headers:
        return self._translation.headers(head)

    @override
    def _check_kind(self, content_type: bytes) -> None:
        if not content_type.startswith(self._reader.content_type):
            raise unexpected_kind(content_type)

    @override
    def _relay(self, data: bytes) -> bytes:
        fresh, self._read = data[self._read :], 0
        kept, self._kept = self._kept, b""
        if self._late is not None:
            raise self._late
        batch = kept + self._reader.feed(fresh) if fresh and not self._reader.failure else kept
        reader = self._reader
        self.usage = reader.usage
        self._done = reader.done
        if reader.failure is not None:
            self._error = reader.failure
            self._ready = False
        return batch

    @override
    def _check_end(self) -> None:
        """Leave the judgement to the reader, which `next` asks for its last events."""
        self._done = True

    @override
    def _flows(self) -> bool:
        return not self._done and not self._kept

    @override
    def _forward(self, data: bytes) -> bool:
        """Pass on what the reader makes of this; what the sink declines is left to `next`.

        The exchange then gives the same bytes once more, which are not read twice.
        """
        try:
            events = self._reader.feed(data)
        except UpstreamError as error:
            self._late = error
            return False
        reader = self._reader
        if reader.done or reader.failure or (events and not self._sink(events)):
            self._kept, self._read = events, len(data)
            return False
        return True

    @property
    @override
    def output_bytes(self) -> int:
        return self._reader.text_bytes

    @property
    @override
    def passed(self) -> int:
        return self._reader.events

    @override
    def _speaks(self, batch: bytes) -> bool:
        return self._reader.spoke


class WholeEvents(Events):
    """An answer in one piece, where events or bytes are wanted: it comes as one batch."""

    def __init__(self, fetch: Callable[[], Awaitable[Reply]]) -> None:
        self._fetch = fetch
        self._task: asyncio.Future[Reply] | None = None
        self._given = False
        self._pulse_s: float | None = None
        self.headers: Headers = []
        self.usage: Usage | None = None

    @override
    async def next(self) -> bytes | None:
        if self._given:
            return None
        if self._task is None:
            self._task = asyncio.ensure_future(self._fetch())
        try:
            done, _ = await asyncio.wait((self._task,), timeout=self._pulse_s)
        except asyncio.CancelledError:
            self.close()
            raise
        if not done:
            return b""
        reply = self._task.result()
        self._given = True
        self.headers = reply.headers
        self.usage = reply.usage
        return reply.body

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Leave all to `next`: there is one batch only."""

    @property
    @override
    def output_bytes(self) -> int:
        return 0

    @property
    @override
    def passed(self) -> int:
        return 1 if self._given else 0

    @override
    def has_content(self, batch: bytes) -> bool:
        return bool(batch)

    @override
    def pulse_every(self, seconds: float) -> None:
        self._pulse_s = seconds

    @override
    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
