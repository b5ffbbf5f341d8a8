"""The counters of all scopes of a call, laid out by what they count: each request is here twice."""

from collections.abc import Iterator
from typing import Final

from llmproxy.application.interfaces.limiter import Reservation, Scope, Used
from llmproxy.domain.scope_counters import Reader, ScopeCounters, quoted_of
from llmproxy.domain.windows import NEVER, Counter, Sums

Amounts = tuple[int, int]
"""Tokens and cost in nano-units; a call is always one request, and one in flight."""
Held = tuple[Reservation, "Group", Amounts, int, "Group | None", int]
"""What is held for a call, exactly as it was held, and where.

The reservation, the counters of its scopes, what they hold, and the second at which their windows
count the call; then the counters of the deployment that is asked now, if it has limits, and theirs.
A tuple, since one is made for each call.
"""
_COST: Final = 2


class Group(Reader):
    """The counters of some scopes, as calls in one currency meet them.

    Costs in another currency are no money of a scope: its counters of cost are left out. `foreign`
    is whether it has a budget. `watching` and `alerting` are counters whose shares are told, each
    with the number of its scope. `owner` is what the scopes were found for.
    """

    __slots__ = (
        "_counters",
        "_holding",
        "_running",
        "_settling",
        "alerting",
        "counters",
        "currency",
        "foreign",
        "owner",
        "quoted",
        "scopes",
        "watching",
    )

    def __init__(
        self,
        owner: object,
        scopes: tuple[Scope, ...],
        counters: tuple[ScopeCounters, ...],
        currency: str,
    ) -> None:
        super().__init__()
        self.owner = owner
        self.scopes = scopes
        self.counters = counters
        self.currency = currency
        self.lay_out()

    def lay_out(self) -> None:
        """Note the counters as they are now."""
        own = self.counters
        self._counters = tuple(self._counting())
        self._running = tuple([each.running for each in own if each.running.most < NEVER])
        self._settling = requests, tokens, cost = tuple([self._sums_of(each) for each in range(3)])
        self._holding = (self._running + requests, tokens, cost)
        self.foreign = any(each.counts_cost and each.currency != self.currency for each in own)
        self.quoted = quoted_of(own)
        self.watching = tuple([(at, each) for at, of in enumerate(own) for each in of.watching])
        self.alerting = tuple([(at, each) for at, of in enumerate(own) for each in of.alerting])

    def _counting(self) -> Iterator[Counter]:
        for own in self.counters:
            for counter in own.all:
                if counter.place != _COST or own.currency == self.currency:
                    yield counter

    def _sums_of(self, place: int) -> tuple[Sums, ...]:
        return tuple([each.sums for each in self._counters if each.place == place])

    def read_until_changed(self) -> None:
        """Be told by the counters when they change; `edge` is until when none has to be rolled."""
        for each in self.counters:
            each.readers.add(self)
        self.edge = min([each.edge for each in self.counters], default=NEVER)

    def hold(self, amounts: Amounts) -> bool:
        """Hold a call in the present steps of all counters, or nowhere when one has no room.

        What a call does not ask for cannot stand in its way.
        """
        tokens, cost = amounts
        if self.foreign and cost:
            return False
        ones, of_tokens, of_cost = self._holding
        for sums in ones:  # Written out: three calls would take as long as all of this.
            taken = sums.taken + 1
            if taken > sums.most:
                return self._unhold(amounts, sums)
            sums.taken = taken
        for sums in of_tokens if tokens else ():
            taken = sums.taken + tokens
            if taken > sums.most:
                return self._unhold(amounts, sums)
            sums.taken = taken
        for sums in of_cost if cost else ():
            taken = sums.taken + cost
            if taken > sums.most:
                return self._unhold(amounts, sums)
            sums.taken = taken
        return True

    def _unhold(self, amounts: Amounts, until: Sums | None = None) -> bool:
        for all_sums, amount in zip(self._holding, (1, *amounts), strict=True):
            for sums in all_sums:
                if sums is until:
                    return False
                sums.taken -= amount
        return False

    def unhold(self, amounts: Amounts) -> None:
        """Take back what was held right before."""
        self._unhold(amounts)

    def settle(self, second: int, amounts: Amounts, used: Used, stepped: int) -> None:
        """Replace what a call of that second held by what it used.

        No counter has begun a step behind the second `stepped`.
        """
        if not self.edge:
            self.lay_out()
        for sums in self._running:
            sums.taken -= 1
        cost, tokens, requests = used
        if second < stepped or requests != 1:
            self._settle_each(second, amounts, used)
            return
        of_requests, of_tokens, of_cost = self._settling
        for sums in of_requests:  # As `Counter.add`, without the calls.
            sums.used += 1
        held_tokens, held_cost = amounts
        change = tokens - held_tokens
        for sums in of_tokens if tokens or held_tokens else ():
            sums.used += tokens
            sums.taken += change
        change = cost - held_cost
        for sums in of_cost if cost or held_cost else ():
            sums.used += cost
            sums.taken += change

    def _settle_each(self, second: int, amounts: Amounts, used: Used) -> None:
        cost, tokens, requests = used
        now = (requests, tokens, cost)
        change = (requests - 1, tokens - amounts[0], cost - amounts[1])
        for counter in self._counters:
            place = counter.place
            counter.add(second, now[place], change[place])
