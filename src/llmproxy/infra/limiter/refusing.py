"""Why a scope has no room for a call, in the words of the refusal."""

from llmproxy.application.interfaces.limiter import Limit, Reservation, Scope
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.limit import Measure
from llmproxy.domain.limit_words import (
    Shortage,
    concurrent_refusal,
    currency_refusal,
    longest,
    refusal_of,
)
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Amounts, Counter


def refusal_by(
    scope: Scope, counters: ScopeCounters, reservation: Reservation, now: float
) -> GatewayError | None:
    """Return what stands in the way longest, None where there is room."""
    kind, name, model = scope.kind.value, scope.name, reservation.model
    same_money = counters.currency == reservation.currency
    if counters.counts_cost and reservation.cost_nano and not same_money:
        return currency_refusal(kind, counters.currency, model)
    found: list[GatewayError] = []
    if counters.in_flight >= counters.concurrent:
        found.append(concurrent_refusal(kind, name, model, counters.in_flight, counters.concurrent))
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
        limits.append(Limit(name, "concurrent requests", counters.in_flight, most, setting))
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
