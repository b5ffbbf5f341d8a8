"""The server of `llmproxy serve`: uvicorn's, with an end of its own.

A signal begins it. What follows, each part bounded:

1. Not ready, but serving on, for the delay: whoever spreads requests learns of it. Every answer is
   the last of its connection.
2. The port is closed. What is under way goes on, until the timeout.
3. What is left then is broken off, and says so.
4. The application stops: what it has counted is flushed.

A second signal ends the process at once, as `kill -9` does: what the ledger needs is on the disk.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NamedTuple

import uvicorn
from typing_extensions import override
from uvicorn.lifespan.on import LifespanOn

from llmproxy.application.life import Life
from llmproxy.infra.server.leaving import DrainingState, break_off, drain, let_go
from llmproxy.infra.server.listening import stop_listening

logger = logging.getLogger("llmproxy.server")

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
TICK_S: Final = 0.05
DATE_EVERY: Final = 10
"""Ticks after which the header `date` is made anew."""
QUIET_S: Final = 5.0
"""The longest that an idle connection is watched before it is closed."""
BREAKING_OFF_S: Final = 5.0
FLUSH_S: Final = 30.0
START_OVER_S: Final = 5.0
LAST_S: Final = 5.0
"""For threads that still run when everything has ended."""


class Ending(NamedTuple):
    """Seconds: of serving on after the signal, and of waiting for what is under way after that."""

    delay_s: float
    timeout_s: float


class DrainingServer(uvicorn.Server):
    """To be run once, in the main thread; `exit_code` says afterwards how it ended."""

    def __init__(self, config: uvicorn.Config, life: Life, ending: Ending) -> None:
        super().__init__(config)
        config.load()
        config.lifespan_class = _Lifespan
        self.server_state: DrainingState = DrainingState()
        self.exit_code = 0
        self._life = life
        self._ending = ending
        self._hurried = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Task[Any] | None = None

    # ----------------------------------------------------------------------------------- signals

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle signals to the end of the process: uvicorn would die of the first one again."""
        self._loop = asyncio.get_running_loop()
        for number in SIGNALS:
            signal.signal(number, self.handle_exit)
        yield
        last = threading.Timer(LAST_S, os._exit, (self.exit_code,))
        last.daemon = True
        last.start()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            leave_at_once(sig)
        self.should_exit = True
        self._hurried = sig == signal.SIGINT
        self._life.draining = True
        if self._loop is not None:  # of what runs now nothing is known: this can be anywhere
            self._loop.call_soon_threadsafe(self._begin_to_end)

    def _begin_to_end(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        else:
            drain(self.server_state)

    # ------------------------------------------------------------------------------------- start

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, unless a signal comes meanwhile."""
        self._starting = asyncio.current_task()
        try:
            if not self.should_exit:
                await super().startup(sockets)
        except asyncio.CancelledError:
            if not self.should_exit:
                raise
            await self._give_up_starting()
        finally:
            self._starting = None
        if self.started and self.should_exit:
            drain(self.server_state)

    async def _give_up_starting(self) -> None:
        """Undo what has started; nothing was served."""
        logger.info("told to end while starting")
        lifespan = self.lifespan
        if isinstance(lifespan, _Lifespan) and not lifespan.started:
            await lifespan.give_up()
        else:
            await self._stop_application()

    # --------------------------------------------------------------------------------------- end

    @override
    async def main_loop(self) -> None:
        await super().main_loop()
        if self._hurried:
            return
        logger.info("told to end: not ready, serving on for %g s", self._ending.delay_s)
        await self._passed(self._ending.delay_s)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await stop_listening(self.servers, sockets or ())
        for tell in self._life.when_closed:
            tell()
        under_way = len(self.server_state.tasks)
        if under_way:
            logger.info(
                "the port is closed; %d requests may take %g s more, a second signal ends them",
                under_way,
                self._ending.timeout_s,
            )
        quiet_s = 0.0 if self._hurried else min(QUIET_S, self._ending.delay_s)
        if not await self._passed(self._ending.timeout_s, lambda: self._is_quiet(quiet_s)):
            await self._break_off()
        await self._stop_application()
        logger.info("ended")

    def _is_quiet(self, quiet_s: float) -> bool:
        """Let idle connections go; return whether nothing is under way any more."""
        state = self.server_state
        for connection in state.ours:
            let_go(connection, quiet_s)
        return not state.connections and not state.tasks

    async def _break_off(self) -> None:
        self._life.ending = True
        state = self.server_state
        logger.warning(
            "%d requests have not ended within %g s and are broken off",
            len(state.tasks),
            self._ending.timeout_s,
        )
        for connection in state.ours:
            break_off(connection)
        if await self._passed(BREAKING_OFF_S, lambda: self._is_quiet(0.0)):
            return
        for connection in state.ours:
            connection.transport.abort()
        for task in tuple(state.tasks):
            task.cancel()
        await self._passed(BREAKING_OFF_S, lambda: not state.tasks)

    async def _stop_application(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.lifespan.shutdown()
        except TimeoutError:
            logger.error("the gateway did not stop within %g s; the journal is kept", FLUSH_S)  # noqa: TRY400 - where it was waiting is no news
            self.exit_code = 1
        lifespan = self.lifespan
        if isinstance(lifespan, LifespanOn) and (
            lifespan.error_occurred or lifespan.shutdown_failed
        ):
            self.exit_code = 1

    async def _passed(self, within_s: float, over: Callable[[], bool] = lambda: False) -> bool:
        """Wait until it is over, at most this long; return whether it is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        ticks = 0
        while not over():
            left_s = until - loop.time()
            if left_s <= 0:
                return False
            await asyncio.sleep(min(TICK_S, left_s))
            ticks += 1
            if ticks % DATE_EVERY == 0:
                await self.on_tick(0)
        return True


class _Lifespan(LifespanOn):
    """uvicorn's, of which the task is known, so that a start can be given up."""

    started = False
    _running: asyncio.Task[Any] | None = None

    @override
    async def main(self) -> None:
        self._running = asyncio.current_task()
        await super().main()

    async def give_up(self) -> None:
        """Cancel the start, which undoes what it has done."""
        self.startup_failed = True  # so that uvicorn does not call it a crash
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running], timeout=START_OVER_S)

    @override
    async def send(self, message: Any) -> None:
        await super().send(message)
        self.started = self.started or message["type"] == "lifespan.startup.complete"


def leave_at_once(number: int) -> None:
    """End the process; not by the signal itself, which does not end the first of a container."""
    os.write(2, b"llmproxy: a second signal: leaving at once\n")
    os._exit(128 + number)
