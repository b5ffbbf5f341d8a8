"""A request body that goes out piece by piece, as fast as the provider takes it."""

import asyncio

from llmproxy.application.interfaces.call import Outgoing
from llmproxy.infra.providers.transport.errors import Unreadable
from llmproxy.infra.providers.transport.exchange import Exchange


class Sending:
    """Runs until the body is out or `stop` is called; at most a piece waits in the transport.

    Every piece that goes out counts as a sign of life of the provider: it takes them.
    """

    __slots__ = ("_body", "_exchange", "_loop", "_paused", "_task", "_transport", "_waiter", "done")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        exchange: Exchange,
        body: Outgoing,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._exchange = exchange
        self._body = body
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self.done = False
        self._task: asyncio.Task[None] | None = loop.create_task(self._run())

    async def _run(self) -> None:
        at = 0
        try:
            while at < self._body.size:
                piece = await self._body.read(at)
                at += len(piece)
                self._exchange.alive_at = self._loop.time()
                self._transport.write(piece)
                if self._paused:
                    self._waiter = self._loop.create_future()
                    await self._waiter
        except OSError as error:
            self._exchange.fail(Unreadable(f"the request body cannot be read: {error}"))
        else:
            self._exchange.alive_at = self._loop.time()
            self.done = True

    def pause(self) -> None:
        """Write no further piece."""
        self._paused = True

    def resume(self) -> None:
        """Write on."""
        self._paused = False
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def stop(self) -> None:
        """Write no more."""
        task, self._task = self._task, None  # a cancelled one holds where it was
        if task is not None:
            task.cancel()
