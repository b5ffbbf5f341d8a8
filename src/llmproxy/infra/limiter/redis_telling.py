"""What calls used and gave back, told to Redis: one script for all that has come together."""

import asyncio
import logging
from collections.abc import Callable
from itertools import islice
from typing import Final

from llmproxy.infra.limiter.redis_alerts import RedisAlerts
from llmproxy.infra.limiter.redis_joining import Joining
from llmproxy.infra.limiter.redis_scope import Tracked, spread
from llmproxy.infra.limiter.redis_scripts import TELL
from llmproxy.infra.limiter.redis_seat import SLOW_S, Seat
from llmproxy.infra.redis.errors import RedisFailure
from llmproxy.infra.redis.line import Argument, Reply

logger = logging.getLogger("llmproxy")

AT_ONCE: Final = 200
"""Scopes in one script: it keeps Redis busy for about two milliseconds."""
WAITS_S: Final = 0.005
"""How long a telling waits for others where nobody waits for it."""


class Telling:
    """Tells in the next turn of the event loop, or when the telling before has been answered.

    Where a scope has room for many more calls nobody waits for what is given back: it is told
    within `WAITS_S`, together with what comes until then. What is put down for a scope is a sum by
    steps of time, so that it stays small however much there is. When a telling fails, its scopes
    are joined anew, from the journal.
    """

    def __init__(
        self, seat: Seat, joining: Joining, alerts: RedisAlerts, no_seat: Callable[[], None]
    ) -> None:
        self._seat = seat
        self._joining = joining
        self._alerts = alerts
        self._no_seat = no_seat
        self._loop = asyncio.get_running_loop()
        self._changed: dict[str, Tracked] = {}
        self._due = False
        self._waits = False
        self._presses = False
        self._out: asyncio.Future[Reply] | None = None
        self.told = 0
        self.sent = 0
        """Tellings that have left: who remembers it when asking knows whether one went behind."""

    def changed(self, tracked: Tracked) -> None:
        """Note that there is something to tell of a scope."""
        self._changed[tracked.id] = tracked
        if not tracked.roomy:
            self._presses = True
        if self._out is None:
            self._plan()

    def _plan(self) -> None:
        """See to it that what has changed is told in time."""
        if self._presses:
            if not self._due:
                self._due = True
                self._loop.call_soon(self._tell)
        elif not self._waits:
            self._waits = True
            self._loop.call_later(WAITS_S, self._waited)

    def _waited(self) -> None:
        self._waits = False
        if self._changed:
            self._tell()

    def before_asking(self) -> None:
        """Let what was settled before a question go before it, if somebody may wait for it."""
        if self._due:
            self._tell()

    def tell_all(self) -> None:
        """Tell what there is, unless a telling is out."""
        if self._changed:
            self._tell()

    async def drain(self) -> None:
        """Tell all that there is, while Redis is there."""
        while self._seat.up and (self._changed or self._out is not None):
            if self._out is None:
                self._tell()
            if self._out is not None:
                await asyncio.wait([self._out])
                await asyncio.sleep(0)
        await self._alerts.drain()

    def _tell(self) -> None:
        self._due = False
        if self._out is not None:
            return
        generation = self._seat.generation
        entries, arguments = self._next(generation)
        if not entries:
            if self._changed:
                self._plan()
            return
        try:
            out = self._seat.run(TELL, (len(entries), *arguments), timeout_s=SLOW_S)
        except RedisFailure:
            self._lose(entries)
            return
        self._out = out
        self.sent += 1
        out.add_done_callback(lambda answer: self._answered(answer, entries, generation))

    def _next(self, generation: int) -> tuple[list[Tracked], list[Argument]]:
        """Take the next scopes that have changed; return the entries of those that can be told."""
        entries: list[Tracked] = []
        arguments: list[Argument] = []
        for each in list(islice(self._changed.values(), AT_ONCE)):
            del self._changed[each.id]
            if each.telling == generation:
                self._enter(each, entries, arguments)
        if not self._changed:
            self._presses = False  # those that are left may be the ones that somebody waits for
        return entries, arguments

    def _enter(self, each: Tracked, entries: list[Tracked], arguments: list[Argument]) -> None:
        """Write down what there is of a scope: an entry for each file, the first with the holds."""
        given, used = each.given, each.used
        each.given, each.used = {}, {}
        wants = int(self._alerts.wants(each))
        for file, (end, steps) in used.items():
            begin = each.told.get(file, 0)
            arguments += (each.id, wants, *spread(given), file, begin, end, *spread(steps))
            each.told[file] = end
            entries.append(each)
            given = {}
        if given:
            arguments += (each.id, wants, *spread(given), b"", 0, 0, 0)
            entries.append(each)

    def _answered(
        self, answer: "asyncio.Future[Reply]", entries: list[Tracked], generation: int
    ) -> None:
        self._out = None
        if answer.cancelled():
            return
        error = answer.exception()
        if error is not None:
            logger.info("Redis: a telling failed: %s", error)
            self._lose(entries)
        elif answer.result()[0] == b"lease":
            self._no_seat()
        elif generation == self._seat.generation:
            self._seat.heard(answer.result()[1])
            self._told(answer.result()[2:], entries)
        if self._changed and self._presses:
            self._tell()
        elif self._changed:
            self._plan()

    def _told(self, words: list[bytes], entries: list[Tracked]) -> None:
        self.told += len(entries)
        for word, each in zip(words, entries, strict=True):
            if word in (b"gone", b"behind"):
                self._lose([each])
            elif word != b"ok":
                self._alerts.look(each, word)

    def _lose(self, entries: list[Tracked]) -> None:
        for each in entries:
            self._joining.lose(each)
