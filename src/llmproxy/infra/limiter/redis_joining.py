"""Scopes that are not counted yet: rebuilt where Redis does not know them, then joined.

Joining sets what this worker holds and counts what its journal says beyond what Redis was told, in
one script. So it does not matter what became of the commands before.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    History,
    Past,
    Scope,
    ScopeHistory,
    ScopeName,
    Used,
)
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import DAY_STEP_S
from llmproxy.domain.pricing import NANO
from llmproxy.infra.limiter.past import history_within
from llmproxy.infra.limiter.redis_past import Asked, OwnFiles, Part
from llmproxy.infra.limiter.redis_scope import NEVER, Tracked, id_of, spread, step_of
from llmproxy.infra.limiter.redis_scripts import INSTALL, JOIN, LOOK
from llmproxy.infra.limiter.redis_seat import LEASE_S, SLOW_S, NoLease, Seat, checked
from llmproxy.infra.redis.errors import RedisFailure
from llmproxy.infra.redis.line import Argument, Reply

logger = logging.getLogger("llmproxy")

AT_ONCE: Final = 100
PAUSE_S: Final = 0.05
LOCK_S: Final = 10
HISTORY_S: Final = 8.0
"""How long the ledger may take: less than the lock."""
GATHER_S: Final = 1.5
"""How long a worker that has just started waits at an empty Redis for others to come back."""
_NOTHING: Final = ScopeHistory((), (), NOTHING_USED, NOTHING_USED)


class Joining:
    """Works off what is `want`ed, in the background.

    `no_seat` is told that the lease has ended, `installed` with what a rebuilt scope began.
    """

    def __init__(
        self,
        seat: Seat,
        past: Past,
        files: OwnFiles,
        no_seat: Callable[[], None],
        installed: Callable[[Tracked, ScopeHistory], None],
        *,
        gather_s: float = GATHER_S,
    ) -> None:
        self._seat = seat
        self._past = past
        self._files = files
        self._no_seat = no_seat
        self._installed = installed
        self._gather_s = gather_s
        self._wanted: dict[str, Tracked] = {}
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.get_running_loop().create_future()
        self._problem: Unavailable | None = None
        self.rebuilt = 0
        self._said = ""

    def __len__(self) -> int:
        return len(self._wanted)

    def want(self, tracked: Tracked) -> None:
        """Join this scope as soon as may be."""
        self._wanted[tracked.id] = tracked
        self.go_on()

    def lose(self, tracked: Tracked) -> None:
        """Note that Redis does not hold what this worker thinks it does."""
        tracked.joined = tracked.telling = NEVER
        self.want(tracked)

    def go_on(self) -> None:
        """Work off what is wanted, if Redis is there."""
        if self._wanted and self._task is None and self._seat.up:
            self._task = asyncio.get_running_loop().create_task(self._work())
            self._task.add_done_callback(self._worked)

    async def wait_for(self, scopes: Sequence[Tracked], timeout_s: float) -> bool:
        """Wait until all are joined; return whether they are. Raises Unavailable."""
        seat = self._seat
        ends = asyncio.get_running_loop().time() + timeout_s
        while True:
            missing = [each for each in scopes if each.joined != seat.generation]
            left_s = ends - asyncio.get_running_loop().time()
            if not missing:
                return True
            if not seat.up or left_s <= 0:
                return False
            for each in missing:
                self.want(each)
            await asyncio.wait([self._turn], timeout=left_s)
            if self._problem is not None:
                raise self._problem

    async def close(self) -> None:
        """Stop."""
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._tell()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Redis: scopes could not be joined", exc_info=error)

    def _failed(self, error: RedisFailure) -> None:
        """Say what is wrong, once."""
        if str(error) != self._said:
            logger.warning("Redis: scopes could not be joined: %s", error)
        self._said = str(error)

    def _tell(self) -> None:
        """Wake all who wait."""
        turn, self._turn = self._turn, asyncio.get_running_loop().create_future()
        turn.set_result(None)

    async def _work(self) -> None:
        while self._wanted and self._seat.up:
            batch = list(islice(self._wanted.values(), AT_ONCE))
            problem = None
            try:
                waits = await self._batch(batch)
            except NoLease:
                self._no_seat()
                return
            except Unavailable as error:
                problem, waits = error, True
            except RedisFailure as error:
                self._failed(error)
                waits = True
            else:
                self._said = ""
            self._problem = problem
            self._tell()
            if waits:
                await asyncio.sleep(PAUSE_S)
                self._problem = None

    async def _batch(self, batch: list[Tracked]) -> bool:
        """Join what can be joined; return whether to wait before the next try."""
        files = self._files.names()
        found = await self._look([each.id for each in batch], files)
        there: list[Asked] = []
        # A history tells each name in one currency: another one of it has its turn later.
        missing: dict[tuple[str, str], Scope] = {}
        for tracked, seen in zip(batch, found, strict=True):
            if seen:
                there.append((tracked, bool(seen[0]), [_byte(each) for each in seen[1:]]))
            elif tracked.scope is not None:
                missing.setdefault((tracked.kind, tracked.name), tracked.scope)
            else:
                self._wanted.pop(tracked.id, None)  # somebody's who is gone: nobody asks for it
        if there and files == self._files.names():
            await self._join(there)
        return bool(missing) and not await self._rebuild(list(missing.values()))

    async def _look(self, ids: Sequence[str], files: Sequence[str]) -> list[Any]:
        arguments: tuple[Argument, ...] = (len(files), *files, *ids)
        return checked(await self._seat.run(LOOK, arguments, timeout_s=SLOW_S))[1:]

    async def _join(self, there: list[Asked]) -> None:
        """Tell Redis what this worker holds and has used."""
        seat = self._seat
        # From here to the sending nothing waits: no call is settled in between.
        found = list(zip(there, self._files.parts(there, seat.now()), strict=True))
        told = [(each[0], parts) for each, parts in found if parts is not None]
        sent = seat.run(JOIN, _joining(told), timeout_s=SLOW_S)
        for tracked, parts in told:
            tracked.begin_telling(seat.generation, {part.file: part.end for part in parts})
        words = checked(await sent)[1:]
        for (tracked, _), word in zip(told, words, strict=True):
            self._joined(tracked, word)
        for gone in [each[0] for each, parts in found if parts is None]:
            logger.warning("Redis: %s is rebuilt: a part of the journal is gone", gone.id)
            await seat.call("DEL", seat.name("s", gone.id))

    def _joined(self, tracked: Tracked, word: bytes) -> None:
        if word == b"ok" and tracked.telling == self._seat.generation:
            tracked.joined = self._seat.generation
            tracked.share = None
            self._wanted.pop(tracked.id, None)
        else:
            tracked.telling = NEVER

    async def _rebuild(self, scopes: Sequence[Scope]) -> bool:
        """Rebuild those that no other worker rebuilds now; return whether there were any."""
        seat = self._seat
        locks = [
            seat.call("SET", seat.name("lock", _id(each)), seat.worker, "NX", "EX", LOCK_S)
            for each in scopes
        ]
        taken = await asyncio.gather(*locks)
        mine = [each for each, word in zip(scopes, taken, strict=True) if word is not None]
        if not mine:
            return False
        asked_at = seat.now()
        try:
            history = await history_within(HISTORY_S, self._past, mine, asked_at)
            arguments = self._installing(mine, history, asked_at)
            checked(await seat.run(INSTALL, arguments, timeout_s=SLOW_S))
        except BaseException:
            self._unlock(mine)
            raise
        self.rebuilt += len(mine)
        for each in mine:
            tracked = self._wanted.get(_id(each))
            if tracked is not None:
                self._installed(tracked, _told_of(history, each))
        return True

    def _unlock(self, scopes: Sequence[Scope]) -> None:
        """Let others try; a lock that stays all the same ends by itself."""
        if self._seat.up:
            for each in scopes:
                sent = self._seat.call("DEL", self._seat.name("lock", _id(each)))
                sent.add_done_callback(_seen)

    def _installing(
        self, scopes: Sequence[Scope], history: History, asked_at: float
    ) -> tuple[Argument, ...]:
        seat = self._seat
        gather_s = 0.0 if seat.known_before else self._gather_s
        others = seat.others
        arguments: list[Argument] = [f"{asked_at:.6f}", gather_s, LEASE_S, len(others), *others]
        arguments.append(len(history.positions))
        for file, byte in history.positions.items():
            arguments += (file, byte)
        arguments.append(len(scopes))
        for each in scopes:
            told = _told_of(history, each)
            arguments += (_id(each), len(told.minutes) + len(told.days))
            for step in told.minutes:
                arguments += (step_of(step.at), "m", *_numbers(step.used))
            for step in told.days:
                arguments += (step.at // DAY_STEP_S, "d", *_numbers(step.used))
            arguments += (*_numbers(told.month), *_numbers(told.total))
        return tuple(arguments)


def _joining(told: Sequence[tuple[Tracked, list[Part]]]) -> tuple[Argument, ...]:
    """Return the arguments of `join.lua`."""
    arguments: list[Argument] = [len(told)]
    for tracked, parts in told:
        arguments += (tracked.id, *spread(tracked.held), len(parts))
        for part in parts:
            was: Argument = b"" if part.was is None else part.was
            arguments += (part.file, was, part.end, *spread(part.steps))
    return tuple(arguments)


def _id(scope: Scope) -> str:
    return id_of(scope.kind, scope.name, scope.limits.currency)


def _byte(told: bytes | None) -> int | None:
    return None if told is None else int(told)


def _told_of(history: History, scope: Scope) -> ScopeHistory:
    return history.scopes.get(ScopeName(scope.kind, scope.name), _NOTHING)


def _numbers(used: Used) -> tuple[int, int, int, int]:
    return used.requests, used.tokens, *divmod(used.cost_nano, NANO)


def _seen(sent: "asyncio.Future[Reply]") -> None:
    if not sent.cancelled():
        sent.exception()
