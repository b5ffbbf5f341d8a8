"""The limits of several workers, counted in Redis.

One script holds a call in all its scopes, in one round trip. What calls used follows from the
journal: Redis remembers for each scope up to which byte of each journal file it was told, so that
nothing counts twice, whatever was lost on the way. See docs/redis.md.
"""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import (
    NO_LANE,
    Alerts,
    Limiter,
    Past,
    Reservation,
    Scope,
    Standing,
    Stretch,
    Used,
)
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit_words import currency_refusal
from llmproxy.infra.limiter.redis_adopting import adopt
from llmproxy.infra.limiter.redis_away import Away
from llmproxy.infra.limiter.redis_holding import Holding
from llmproxy.infra.limiter.redis_refusing import Found, look_of, raise_refusal
from llmproxy.infra.limiter.redis_room import RedisOptions, Room
from llmproxy.infra.limiter.redis_scripts import RESERVE
from llmproxy.infra.limiter.refusing import Look
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFailure

logger = logging.getLogger("llmproxy")

PATIENCE_S: Final = 4.0
"""How long a call waits for a scope that this worker counts for the first time."""
PAUSE_S: Final = 0.05
PREPARED_AT_ONCE: Final = 500


class RedisLimiter(Limiter):
    """Counts together with all workers of the same prefix; `max_in_flight` is only shown.

    `client` is started and closed by whoever made it: before `start`, after `close`.
    """

    def __init__(
        self,
        client: RedisClient,
        clock: Clock,
        past: Past | None,
        alerts: Alerts | None,
        options: RedisOptions,
    ) -> None:
        self._max_in_flight = options.max_in_flight
        self._room = room = Room(client, clock, past, alerts, options)
        self._seat = room.seat
        self._away = Away(room.seat, options.when_away)
        self._holding = Holding(room, remembers=self._away.shares)
        self.in_flight = 0

    @property
    def worker(self) -> str:
        """What this worker is called in Redis."""
        return self._seat.worker

    async def start(self, timeout_s: float = 1.0) -> None:
        """Take a seat. Redis may be away: it is found when it comes."""
        await self._room.start(timeout_s)

    async def prepare(self, scopes: Iterable[Scope]) -> None:
        """Have these scopes counted, so that no call waits; in vain while Redis is away.

        Raises Unavailable when the ledger does not tell the past.
        """
        wanted = [self._room.track(scope) for scope in scopes]
        for begin in range(0, len(wanted), PREPARED_AT_ONCE):
            part = wanted[begin : begin + PREPARED_AT_ONCE]
            if not await self._room.joining.wait_for(part, PATIENCE_S):
                return

    async def drain(self) -> None:
        """Wait until Redis was told of all that was settled until now."""
        await self._room.telling.drain()

    async def close(self) -> None:
        """Tell what there is to tell, and give the seat back."""
        await self._room.close()

    async def adopted(self, source: str, stretch: Stretch) -> None:
        """Count what a dead worker's file says and Redis was not told. Raises Unavailable."""
        del source  # the stretch names it too
        await adopt(self._seat, stretch, {"USD", *self._room.currencies})

    def counts(self) -> dict[str, int]:
        """Return figures for metrics."""
        return {
            **self._room.counts(),
            "refused_while_away": self._away.refused,
            "passed_while_away": self._away.passed,
        }

    @override
    async def reserve(self, reservation: Reservation) -> None:
        self.in_flight += 1
        if not reservation.scopes and not reservation.lanes:
            reservation.at = self._seat.now()
            return
        try:
            _refuse_other_money(reservation)
            await self._hold(self._found(reservation))
        except BaseException:
            self.in_flight -= 1
            raise

    def _found(self, reservation: Reservation) -> Found:
        room = self._room
        return Found(
            reservation,
            [room.track(scope) for scope in reservation.scopes],
            [room.track_lane(lane) for lane in reservation.lanes],
        )

    async def _hold(self, found: Found) -> None:
        answer = await self._ask(found, "hold")
        if answer is None:
            lane = self._away.lane(found.reservation, found.scopes, found.lanes)
            self._holding.let_through(found, lane)
        elif answer[0] == b"held":
            self._holding.held(found, answer)
        else:
            raise_refusal(found, answer)

    async def _ask(self, found: Found, mode: str) -> list[Any] | None:
        """Ask Redis about a call; None when it cannot be asked now. Raises Unavailable.

        It is refused only when Redis knew all that this worker's calls have given back: what is
        told behind the question, or was still to be told, is asked about once more.
        """
        telling = self._room.telling
        if mode == "look":
            telling.tell_all()
        answer = await self._ask_once(found, mode)
        if mode == "hold" and answer is not None and answer[0] == b"full":
            for each in found.all:
                each.roomy = False
            telling.tell_all()
            if telling.sent != found.sent:
                answer = await self._ask_once(found, mode)
        return answer

    async def _ask_once(self, found: Found, mode: str) -> list[Any] | None:
        room, seat = self._room, self._seat
        ends: float | None = None
        while seat.up and await self._are_joined(found):
            room.telling.before_asking()
            found.sent = room.telling.sent
            joins = found.joins = [each.joins for each in found.all]
            try:
                answer = await seat.run_wired(
                    RESERVE,
                    *found.arguments(mode),
                    orphan=partial(self._holding.orphaned, found, joins),
                )
            except RedisFailure as error:
                room.failed(error)
                return None
            if answer[0] in (b"held", b"full"):
                return answer  # type: ignore[no-any-return]
            now = asyncio.get_running_loop().time()
            ends = now + PATIENCE_S if ends is None else ends
            if not self._is_worth_waiting(found, answer) or now > ends:
                return None
            await asyncio.sleep(PAUSE_S)
        return None

    async def _are_joined(self, found: Found) -> bool:
        """Wait for scopes that this worker never counted; one that it lost makes nobody wait."""
        generation = self._seat.generation
        missing = [each for each in found.all if each.joined != generation]
        if not missing:
            return True
        if any(each.served for each in missing):
            self._room.want(missing)
            return False
        return await self._room.joining.wait_for(missing, PATIENCE_S)

    def _is_worth_waiting(self, found: Found, answer: list[Any]) -> bool:
        """See to what Redis misses; return whether the call should wait for it."""
        if answer[0] == b"lease":
            self._room.lost_seat()
            return False
        tracked = found.at(answer[1])
        if answer[0] == b"gone":
            self._room.joining.lose(tracked)
        return not tracked.served

    @override
    async def move(self, reservation: Reservation, lane: int) -> None:
        held = self._holding.find(reservation)
        scope = reservation.lanes[lane] if reservation.lanes else None
        if held is not None:
            self._holding.release_lane(held)
        if held is None or scope is None:
            reservation.lane = lane
            return
        reservation.lane = NO_LANE
        at, quota = reservation.at, reservation.quota
        await self._hold(Found(reservation, [], [self._room.track(scope)], held, lane))
        reservation.at, reservation.quota = at, quota

    @override
    def settle(self, reservation: Reservation, used: Used) -> None:
        self.in_flight -= 1
        self._holding.settle(reservation, used)

    @override
    async def standing(self, reservation: Reservation) -> Standing:
        found = self._found(reservation)
        answer = await self._ask(found, "look") if found.all else []
        if answer is None:
            raise Unavailable(
                "The limits of this key, project or model cannot be looked up now.",
                code="limits_unavailable",
                retry_after_s=1.0,
            )
        look = look_of(found, answer) if answer else Look(reservation)
        return look.standing(self.in_flight, self._max_in_flight)


def _refuse_other_money(reservation: Reservation) -> None:
    """Raise Forbidden when a budget is in another currency than the price."""
    if not reservation.cost_nano:
        return
    for kind, _, limits in reservation.scopes:
        if limits.currency != reservation.currency and limits.counts_cost:
            raise currency_refusal(kind.value, limits.currency, reservation.model)
