"""Why a call finds no room, in the words of the refusal; and how all that limits it stands."""

from collections.abc import Sequence
from typing import NamedTuple

from llmproxy.application.interfaces.limiter import Limit, Reservation, Scope, Standing
from llmproxy.domain.errors import GatewayError, Unavailable
from llmproxy.domain.limit import Measure
from llmproxy.domain.limit_words import (
    Shortage,
    concurrent_refusal,
    currency_refusal,
    longest,
    refusal_of,
    shortest,
)
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Amounts, Counter

Seen = Sequence[tuple[Scope, ScopeCounters]]


class Look(NamedTuple):
    """The counters of a call's scopes at a time, and of those of its lanes that have limits.

    `number` is how many lanes there are.
    """

    reservation: Reservation
    scopes: Seen = ()
    lanes: Seen = ()
    number: int = 0
    now: float = 0.0

    def refusal(self) -> GatewayError | None:
        """Return what stands in the way longest, None where there is room.

        Of lanes that are all full, the one that goes first counts.
        """
        errors = self._refusals(self.scopes)
        full = self._refusals(self.lanes)
        if full and len(full) == self.number:
            errors.append(shortest(full))
        return longest(errors) if errors else None

    def _refusals(self, seen: Seen) -> list[GatewayError]:
        found = [refusal_by(*each, self.reservation, self.now) for each in seen]
        return [error for error in found if error is not None]

    def standing(self, in_flight: int, most: int) -> Standing:
        """Return how all limits stand; the first is the worker's own, on calls in flight."""
        setting = "MAX_CONCURRENT_REQUESTS"
        limits = [Limit("worker", "requests in flight", in_flight, most, setting)]
        for scope, counters in [*self.scopes, *self.lanes]:
            limits += limits_of(scope, counters, self.now)
        return Standing(tuple(limits), self.refusal())


def uncounted() -> Unavailable:
    """Return the refusal of a call whose limits were others each time they were looked at."""
    return Unavailable(
        "The limits of this request change too fast to be counted.",
        code="limits_unavailable",
        retry_after_s=1.0,
    )


def refusal_by(
    scope: Scope, counters: ScopeCounters, reservation: Reservation, now: float
) -> GatewayError | None:
    """Return what stands in the way longest, None where there is room."""
    kind, name, model = scope.kind.value, scope.name, reservation.model
    same_money = counters.currency == reservation.currency
    if counters.counts_cost and reservation.cost_nano and not same_money:
        return currency_refusal(kind, counters.currency, model)
    found: list[GatewayError] = []
    running = counters.running
    if running.taken >= running.most:
        found.append(concurrent_refusal(kind, name, model, running.taken, running.most))
    asked = asked_of(reservation)
    for counter in counters.bounded:
        amount = asked[counter.place]
        excess = counter.used + counter.held + amount - counter.most
        if not amount or excess <= 0:
            continue
        found.append(
            refusal_of(
                Shortage(
                    kind,
                    name,
                    model,
                    counter.rule,
                    counters.currency,
                    counter.used,
                    counter.held,
                    amount,
                    counter.frees_in(now, excess),
                )
            )
        )
    return longest(found) if found else None


def asked_of(reservation: Reservation) -> Amounts:
    """Return what is to be held for a call."""
    return 1, reservation.tokens, reservation.cost_nano


def limits_of(scope: Scope, counters: ScopeCounters, now: float) -> list[Limit]:
    """Return how each limit of a scope stands."""
    name = f"{scope.kind.value} {scope.name}"
    limits = [_limit(name, counter, counters.currency, now) for counter in counters.bounded]
    most = scope.limits.concurrent_requests
    if most is not None:
        setting = "concurrent_requests"
        limits.append(Limit(name, "concurrent requests", counters.running.taken, most, setting))
    return limits


def _limit(scope: str, counter: Counter, currency: str, now: float) -> Limit:
    field = counter.rule.field
    return Limit(
        scope,
        field.replace("_", " "),
        counter.used,
        counter.most,
        field,
        counter.held,
        currency if counter.measure is Measure.COST else "",
        counter.resets_in(now),
    )
