"""Those that answer soonest come first."""

from typing import Final

from llmproxy.application.routing.health import Health
from llmproxy.application.routing.plan import Ordered, Plan
from llmproxy.application.routing.ranking import Seats
from llmproxy.application.routing.turns import LeastOutstanding, Places, picking
from llmproxy.application.routing.ward import Ward

FRESH_S: Final = 60.0
"""A latency that was heard longer ago says nothing of now."""
ALIKE: Final = 1.25
"""Latencies within this factor of the best are alike. From call to call they vary more than that;
to follow every millisecond would send all calls to one deployment until it is the slowest."""
LOOK_S: Final = 0.1
"""While all are known they are compared no more often: averages of about ten answers, of which the
newest changes little."""
UNKNOWN_EVERY: Final = 20
"""One of so many calls goes to a deployment whose latency is not known, while there is any.

The first calls do so one after another, until each deployment was asked once: nothing speaks
against any of them yet."""
MAX_SETS: Final = 64


class LowestLatency:
    """The deployments of one priority by how soon their answers begin, unknown ones last.

    Of those that are alike the one with the fewest calls under way for its weight comes first.
    """

    __slots__ = (
        "_alike",
        "_heard_at",
        "_look_at",
        "_monotonic",
        "_never_asked",
        "_picked",
        "_seats",
        "_sets",
        "_slower",
        "_stands_until",
        "_unknown",
        "_until_unknown",
        "_ward",
    )

    def __init__(self, seats: Seats, ward: Ward) -> None:
        self._seats = seats
        self._ward = ward
        self._monotonic = ward.clock.monotonic
        self._picked = picking(seats)
        self._sets: dict[Places, LeastOutstanding] = {}
        self._alike = self._set(tuple(range(len(seats))))
        self._slower: Plan = ()
        self._unknown: dict[int, Health] = {}
        self._heard_at: list[float] = []
        self._look_at = self._stands_until = 0.0
        self._until_unknown = 0
        self._never_asked = len(seats)

    def order(self, *, counted: bool) -> Ordered:
        """See the protocol."""
        now = self._monotonic()
        if now >= self._look_at:
            self._look(now)
        ordered = self._alike.order(counted=counted)
        slower = self._slower
        if slower:
            ordered = Ordered(ordered.plan + slower, len(self._seats))
        return self._tried(ordered, counted=counted) if self._unknown else ordered

    def _look(self, now: float) -> None:
        """Compare them; anew with the next call until all are known, if any was heard of since."""
        heard_at = [seat.health.heard_at for seat in self._seats]
        if heard_at == self._heard_at and now < self._stands_until:
            return
        self._heard_at = heard_at
        oldest = now - FRESH_S
        averages = self._picked(self._ward.average_s)
        places = range(len(heard_at))
        known = sorted([at for at in places if heard_at[at] > oldest], key=averages.__getitem__)
        alike_s = averages[known[0]] * ALIKE if known else 0.0
        alike = [at for at in known if averages[at] <= alike_s] or list(places)
        unknown = [at for at in places if heard_at[at] <= oldest]
        self._alike = self._set(tuple(sorted(alike)))
        slower = known[len(alike) :] + (unknown if known else [])
        self._slower = tuple([self._seats[at].deployment for at in slower])
        self._unknown = {id(self._seats[at].deployment): self._seats[at].health for at in unknown}
        fresh_until = min([heard_at[at] for at in known], default=now) + FRESH_S
        self._stands_until = min(now + LOOK_S, fresh_until)
        self._look_at = now if unknown else self._stands_until

    def _set(self, places: Places) -> LeastOutstanding:
        """Return some of them, by their places, as they take turns: kept, so that they go on."""
        kept = self._sets.get(places)
        if kept is None:
            if len(self._sets) >= MAX_SETS:
                self._sets.clear()
            seats = tuple([self._seats[place] for place in places])
            kept = self._sets[places] = LeastOutstanding(seats, self._ward)
        return kept

    def _tried(self, ordered: Ordered, *, counted: bool) -> Ordered:
        """Put one that is not known and that nobody asks now before all others, if that is due."""
        due = not self._until_unknown
        if counted:
            self._count()
        for first in ordered.plan if due else ():
            health = self._unknown.get(id(first))
            if health is not None and not health.outstanding:
                others = [each for each in ordered.plan if each is not first]
                return Ordered((first, *others), ordered.well)
        return ordered

    def _count(self) -> None:
        """Count a call, towards the next one that goes to a deployment that is not known."""
        if self._until_unknown:
            self._until_unknown -= 1
            return
        self._never_asked -= 1
        self._until_unknown = 0 if self._never_asked > 0 else UNKNOWN_EVERY - 1
