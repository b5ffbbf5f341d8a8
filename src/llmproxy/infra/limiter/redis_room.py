"""What keeps a worker's scopes in step with Redis: seat, joining, telling, a look a second."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Alerts, Past, Reservation, Scope, ScopeKind
from llmproxy.domain.limit import WhenAway
from llmproxy.infra.limiter.past import places_of
from llmproxy.infra.limiter.redis_alerts import RedisAlerts
from llmproxy.infra.limiter.redis_joining import GATHER_S, Joining
from llmproxy.infra.limiter.redis_past import NoPast, OwnFiles
from llmproxy.infra.limiter.redis_scope import Tracked
from llmproxy.infra.limiter.redis_seat import NoLease, Seat
from llmproxy.infra.limiter.redis_telling import Telling
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFailure

logger = logging.getLogger("llmproxy")

LOOK_EVERY_S: Final = 1.0
"""The lease lasts fifteen times as long; a scope that waits for this worker waits no longer."""
RETRY_S: Final = 0.2
MAX_IDLE_S: Final = 600.0
DRAIN_S: Final = 1.0
MOST_FOUND: Final = 4096
_Call = tuple[str, str | None, str, str | None]
"""Key, project, model and deployment: a call with the same counts in the same scopes."""


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """How to count. All names of ours begin with `prefix`.

    `gather_s` is how long an empty Redis is waited at for other workers; `own_time` takes the
    clock's time instead of Redis', for tests.
    """

    max_in_flight: int
    when_away: WhenAway = WhenAway.CLOSED
    prefix: str = "llmproxy"
    own_time: bool = False
    gather_s: float = GATHER_S


class Room:
    """All scopes that this worker has to do with, by kind, name and currency.

    `currencies` are those in which anything was limited here.
    """

    def __init__(
        self,
        client: RedisClient,
        clock: Clock,
        past: Past | None,
        alerts: Alerts | None,
        options: RedisOptions,
    ) -> None:
        known = NoPast() if past is None else past
        self._client = client
        self.seat = Seat(client, options.prefix, clock, own_time=options.own_time)
        self.files = OwnFiles(known)
        told = RedisAlerts(self.seat, alerts)
        self.joining = Joining(
            self.seat,
            known,
            self.files,
            self.lost_seat,
            told.installed,
            gather_s=options.gather_s,
        )
        self.telling = Telling(self.seat, self.joining, told, self.lost_seat)
        self._loop = asyncio.get_running_loop()
        self._scopes: dict[tuple[ScopeKind, str, str], Tracked] = {}
        self._found_at: dict[_Call, list[Tracked]] = {}
        self._coming: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self.currencies: set[str] = set()
        self._said = ""
        client.watch(self._come, self.seat.lost)

    async def start(self, timeout_s: float) -> None:
        """Take the seat if Redis is there."""
        self._looking = self._loop.create_task(self._look())
        if await self._client.wait_up(timeout_s):
            self._come()
            if self._coming is not None:
                await asyncio.wait([self._coming], timeout=timeout_s)

    async def close(self) -> None:
        """Stop, with all told if Redis is there."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.telling.drain()
        except TimeoutError:
            logger.warning("Redis: not all was told; whoever adopts the journal tells the rest")
        for task in (self._looking, self._coming):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.joining.close()
        await self.seat.leave()

    def counts(self) -> dict[str, int]:
        """Return figures."""
        return {
            "seated": int(self.seat.up),
            "workers": len(self.seat.peers),
            "scopes": len(self._scopes),
            "joining": len(self.joining),
            "rebuilt": self.joining.rebuilt,
            "told": self.telling.told,
        }

    def track(self, scope: Scope) -> Tracked:
        """Return what is known of a scope, whose limits these are now."""
        kind, name, limits = scope
        place = (kind, name, limits.currency)
        tracked = self._scopes.get(place)
        if tracked is None:
            tracked = self._begin(place)
        if tracked.limits is not limits:
            tracked.adopt(limits)
        tracked.touched = self._loop.time()
        return tracked

    def track_lane(self, lane: Scope | None) -> Tracked | None:
        """Return what is known of a deployment, None for one without limits."""
        return None if lane is None else self.track(lane)

    def _begin(self, place: tuple[ScopeKind, str, str]) -> Tracked:
        tracked = self._scopes[place] = Tracked(*place, self.files.place())
        self._found_at.clear()
        self.currencies.add(place[2])
        return tracked

    def others(self, reservation: Reservation, own: list[Tracked]) -> list[Tracked]:
        """Return scopes in which a call counts and that its reservation did not name.

        They had no limits when the call was admitted, and have some now or had some before:
        limits come and go, and counters go on.
        """
        if not self._scopes:
            return []
        call = (
            reservation.key_id,
            reservation.project,
            reservation.model,
            reservation.deployment,
        )
        found = self._found_at.get(call)
        if found is None:
            found = self._find_at(call, reservation)
        if found == own:
            return []
        return [each for each in found if each not in own]

    def _find_at(self, call: _Call, reservation: Reservation) -> list[Tracked]:
        found = [
            tracked
            for kind, name in places_of(reservation)
            for currency in self.currencies
            if (tracked := self._scopes.get((kind, name, currency))) is not None
        ]
        if len(self._found_at) >= MOST_FOUND:
            self._found_at.clear()
        self._found_at[call] = found
        return found

    def want(self, scopes: Iterable[Tracked]) -> None:
        """Join these as soon as may be."""
        for each in scopes:
            self.joining.want(each)

    def failed(self, error: RedisFailure) -> None:
        """Tell of a failure once."""
        problem = str(error)
        if problem != self._said:
            logger.warning("Redis: a call could not be counted: %s", problem)
        self._said = problem

    def lost_seat(self) -> None:
        """Come back: Redis has given this worker's holds away, or was emptied."""
        if self.seat.leased:
            self.seat.lost()
            self._come()

    def _come(self) -> None:
        if self._coming is None or self._coming.done():
            self._coming = self._loop.create_task(self._take())

    async def _take(self) -> None:
        """Take the seat, then join all that there is."""
        while self._client.up and not self.seat.up:
            try:
                awaited = await self.seat.take()
            except RedisFailure as error:
                self.failed(error)
                await asyncio.sleep(RETRY_S)
                continue
            self._said = ""
            self._await(awaited)
            self.want(self._scopes.values())

    def _await(self, ids: Iterable[str]) -> None:
        """Join scopes that were rebuilt while this worker lived."""
        for each in ids:
            kind, currency, name = each.split(":", 2)
            place = (ScopeKind(kind), name, currency)
            tracked = self._scopes.get(place) or self._begin(place)
            if tracked.touched == 0.0:
                tracked.touched = self._loop.time()
            self.joining.lose(tracked)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.joining.go_on()
            if not self._client.up:
                continue
            if not self.seat.up:
                self._come()
                continue
            try:
                self._await(await self.seat.keep())
            except NoLease:
                self.lost_seat()
            except RedisFailure as error:
                self.failed(error)
            self._forget_idle()

    def _forget_idle(self) -> None:
        """Forget scopes that nobody asks for: all that was to tell of them has been told."""
        before = self._loop.time() - MAX_IDLE_S
        generation = self.seat.generation
        idle = [
            place
            for place, each in self._scopes.items()
            if each.touched < before and each.joined == generation and each.is_idle
        ]
        for place in idle:
            del self._scopes[place]
        if idle:
            self._found_at.clear()
