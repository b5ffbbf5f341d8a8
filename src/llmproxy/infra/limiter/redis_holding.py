"""What this worker holds in Redis for its calls in flight, noted as Redis has it."""

from collections.abc import Sequence
from typing import Any, Final

from llmproxy.application.interfaces.limiter import Reservation, Used
from llmproxy.domain.windows import NOTHING
from llmproxy.infra.limiter.redis_dump import quota_after
from llmproxy.infra.limiter.redis_held import RedisHeld
from llmproxy.infra.limiter.redis_refusing import Found
from llmproxy.infra.limiter.redis_room import Room
from llmproxy.infra.limiter.redis_scope import Tracked, needed_for, step_of
from llmproxy.infra.redis.line import Reply

_HEAD: Final = 3
"""Where the numbers begin in what `reserve.lua` answers."""


class Holding:
    """Knows each call that holds something; `remembers` keeps the last known counters of scopes."""

    def __init__(self, room: Room, *, remembers: bool) -> None:
        self._room = room
        self._seat = room.seat
        self._remembers = remembers
        self._live: dict[int, RedisHeld] = {}

    def find(self, reservation: Reservation) -> RedisHeld | None:
        """Return what is held for a call."""
        return self._live.get(id(reservation))

    def held(self, found: Found, answer: Sequence[Any]) -> None:
        """Note what Redis holds now."""
        reservation = found.reservation
        at = self._seat.heard(answer[1])
        reservation.at = at
        held = self._note(found, answer[2], at)
        numbers: list[int] = list(answer[_HEAD:])
        begin = 0
        begins: list[tuple[Tracked, int]] = []
        needed = needed_for(found.amounts)
        new = _new(found, held)
        for tracked, running in zip(new, numbers[len(numbers) - len(new) :], strict=True):
            tracked.served = True
            tracked.note_room(numbers, begin, running, needed)
            begins.append((tracked, begin))
            if self._remembers:
                tracked.last = (numbers, begin, at)
            begin += 2 * tracked.rules
        reservation.quota = quota_after(begins, numbers, at)
        for tracked, joins in zip(found.all, found.joins, strict=True):
            if tracked.joins != joins:
                # The joining came behind, and did not know of this call.
                self._room.joining.lose(tracked)

    def let_through(self, found: Found, lane: int) -> None:
        """Hold a call without Redis: it is told when it is back."""
        reservation = found.reservation
        reservation.at = at = self._seat.now()
        reservation.quota = None
        held = self._note(found, lane, at)
        for tracked in _new(found, held):
            held.let_through(tracked, int(at))
            self._room.joining.lose(tracked)

    def _note(self, found: Found, lane: int, at: float) -> RedisHeld:
        reservation = found.reservation
        held = found.moving
        if held is None:
            held = RedisHeld(found.scopes, found.amounts, reservation.currency, at)
            self._live[id(reservation)] = held
            for tracked in found.scopes:
                amounts = tracked.amounts(found.amounts, held.currency)
                tracked.hold(held.step, amounts)
        if found.lanes:
            tracked_lane = found.lanes[lane]
            reservation.lane = found.first_lane + lane
            held.hold_lane(tracked_lane, at)
            if tracked_lane is not None:
                amounts = tracked_lane.amounts(found.amounts, held.currency)
                tracked_lane.hold(held.lane_step, amounts)
        return held

    def orphaned(self, found: Found, joins: list[int], reply: Reply) -> None:
        """Give back what was held for a call that nobody waits for any more.

        What was joined since it was asked for, or is to be joined, is set anew as a whole.
        """
        if not isinstance(reply, list) or reply[0] != b"held":
            return
        held = RedisHeld(found.scopes, found.amounts, found.reservation.currency, float(reply[1]))
        if found.lanes:
            held.hold_lane(found.lanes[reply[2]], float(reply[1]))
        before = dict(zip(found.all, joins, strict=True))
        for tracked, step in held.places():
            if tracked.telling == self._seat.generation and tracked.joins == before[tracked]:
                tracked.hold(step, tracked.amounts(held.amounts, held.currency))
                self._release(held, tracked, step)

    def release_lane(self, held: RedisHeld) -> None:
        """Give back what the present lane holds, and hold none: it has used nothing."""
        if held.lane is not None:
            self._release(held, held.lane, held.lane_step)
            held.settle_shares(NOTHING, held.lane)
            held.lane = None

    def settle(self, reservation: Reservation, used: Used) -> None:
        """Give all back, and put down what was used in its place."""
        held = self._live.pop(id(reservation), None)
        used_here = (used.requests, used.tokens, used.cost_nano)
        places: list[tuple[Tracked, int]] = []
        if held is not None:
            if reservation.deployment is None:
                self.release_lane(held)
            places = held.places()
            for tracked, step in places:
                self._release(held, tracked, step)
            held.settle_shares(used_here)
        others = self._room.others(reservation, [tracked for tracked, _ in places])
        places += [(tracked, step_of(reservation.at)) for tracked in others]
        if used_here == NOTHING or not places:
            return
        place = self._room.files.place()
        generation = self._seat.generation
        for tracked, step in places:
            amounts = tracked.amounts(used_here, reservation.currency)
            tracked.count(place, step, amounts, generation)
            self._room.telling.changed(tracked)

    def _release(self, held: RedisHeld, tracked: Tracked, step: int) -> None:
        amounts = tracked.amounts(held.amounts, held.currency)
        tracked.give_back(step, amounts, self._seat.generation)
        self._room.telling.changed(tracked)


def _new(found: Found, held: RedisHeld) -> list[Tracked]:
    """Return the scopes in which it is held since this question."""
    places = [tracked for tracked, _ in held.places()]
    return places if found.moving is None else places[len(held.scopes) :]
