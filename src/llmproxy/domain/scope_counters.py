"""All counters of one scope: of a key, a project, a model or a deployment.

Costs are in one currency, that of the scope's limits; what costs another currency is no money here.
"""

from collections.abc import Iterable
from typing import Final

from llmproxy.domain.limit import Allowance, Limits, Measure, Quota, Window
from llmproxy.domain.windows import NEVER, Amounts, Counter, Passed, Sliding, counter_of

_REQUESTS: Final = 0
_COST: Final = 2
_new: Final = tuple.__new__
"""Makes a named tuple in a third of the time that calling its class takes; each call needs some."""


class ScopeCounters:
    """What the rules of a scope count, and how many of its calls are in flight.

    A counter that the present limits do not need goes on counting: limits come and go. `edge` is
    the second from which on `roll` is due before anything else is asked.
    """

    __slots__ = (
        "_alerting",
        "_by_rule",
        "_flat",
        "_sliding",
        "_watching",
        "all",
        "bounded",
        "concurrent",
        "counts_cost",
        "currency",
        "edge",
        "in_flight",
        "limits",
        "quoted",
    )

    def __init__(self, limits: Limits) -> None:
        self.in_flight = 0
        self.edge = 0
        self.currency = limits.currency
        self._by_rule: dict[tuple[Measure, Window], Counter] = {}
        self.all: tuple[Counter, ...] = ()
        self._flat: tuple[Counter, ...] = ()
        self._sliding: tuple[Sliding, ...] = ()
        self.bounded: tuple[Counter, ...] = ()
        self.quoted: tuple[Counter, ...] = ()
        self._alerting: tuple[Counter, ...] = ()
        self._watching: tuple[Counter, ...] = ()
        self.limits: Limits | None = None
        self.concurrent = NEVER
        self.counts_cost = False

    def extend(self, limits: Limits, second: int) -> list[Counter]:
        """Begin, empty, the counters that these limits need and that are not there; return them.

        Costs begin anew when the currency is another one.
        """
        if self._other_money(limits):
            for place in [place for place in self._by_rule if place[0] is Measure.COST]:
                del self._by_rule[place]
            self.currency = limits.currency
        new = []
        for rule in limits.rules:
            if (rule.measure, rule.window) not in self._by_rule:
                counter = counter_of(rule.measure, rule.window, second)
                self._by_rule[rule.measure, rule.window] = counter
                new.append(counter)
        self.all = tuple(self._by_rule.values())
        self._sliding = tuple([each for each in self.all if isinstance(each, Sliding)])
        self._flat = tuple([each for each in self.all if not isinstance(each, Sliding)])
        self.edge = 0
        self.limits = None
        return new

    def adopt(self, limits: Limits) -> bool:
        """Let these limits hold from now on, unless they need a counter that is not there."""
        known = self._by_rule
        if self._other_money(limits):
            return False
        if any((rule.measure, rule.window) not in known for rule in limits.rules):
            return False
        if limits != self.limits:
            self._bind(limits)
        self.limits = limits
        return True

    def _other_money(self, limits: Limits) -> bool:
        return limits.counts_cost and limits.currency != self.currency

    def _bind(self, limits: Limits) -> None:
        for counter in self.all:
            counter.most = NEVER
        bounded = []
        for rule in limits.rules:
            counter = self._by_rule[rule.measure, rule.window]
            counter.most = rule.most
            bounded.append(counter)
        for counter in self.all:
            counter.watch(limits.alert_at_percent)
        self.bounded = tuple(bounded)
        self.quoted = tuple([each for each in bounded if _is_quoted(each)])
        self._alerting = self.bounded if limits.alert_at_percent else ()
        self._watching = tuple([each for each in self._alerting if each.place == _REQUESTS])
        most = limits.concurrent_requests
        self.concurrent = NEVER if most is None else most
        self.counts_cost = limits.counts_cost

    def roll(self, second: int) -> None:
        """Forget what has left the windows."""
        self.edge = min([counter.roll(second) for counter in self.all], default=NEVER)

    def is_full(self, asked: Amounts, currency: str) -> bool:
        """Say whether there is no room for one more call that may use so much.

        What a call does not ask for cannot stand in its way.
        """
        if self.in_flight >= self.concurrent:
            return True
        if currency != self.currency and asked[_COST]:
            if self.counts_cost:
                return True
            asked = (asked[0], asked[1], 0)
        for counter in self.bounded:
            amount = asked[counter.place]
            if amount and counter.used + counter.held + amount > counter.most:
                return True
        return False

    def hold(self, second: int, amounts: Amounts, currency: str) -> list[Passed] | None:
        """Hold the amounts of a call; return the shares of limits on requests that it reaches."""
        if currency != self.currency:
            amounts = (amounts[0], amounts[1], 0)
        self.in_flight += 1
        for counter in self._flat:  # As `Counter.hold`, without the call: every request is here.
            if second >= counter.since:
                counter.held += amounts[counter.place]
        for counter in self._sliding:
            entry = counter.steps.get(second // counter.step_s)
            if entry is None:
                counter.hold(second, amounts[counter.place])
            else:
                amount = amounts[counter.place]
                entry[1] += amount
                counter.held += amount
        return self._reached() if self._watching else None

    def _reached(self) -> list[Passed] | None:
        passed = None
        for counter in self._watching:
            if counter.used + counter.held >= counter.alert_at:
                passed = [*(passed or ()), *counter.passed(counter.used + counter.held)]
        return passed

    def settle(
        self, second: int, held: Amounts, used: Amounts, currency: str
    ) -> list[Passed] | None:
        """Replace what a call of that second held by what it used; return the shares it reaches."""
        if currency != self.currency:
            held = (held[0], held[1], 0)
            used = (used[0], used[1], 0)
        self.in_flight -= 1
        for counter in self._flat:
            if second >= counter.since:
                counter.held -= held[counter.place]
                counter.used += used[counter.place]
        for counter in self._sliding:
            entry = counter.steps.get(second // counter.step_s)
            if entry is not None:
                place = counter.place
                entry[0] += used[place]
                entry[1] -= held[place]
                counter.used += used[place]
                counter.held -= held[place]
        return self._used_up() if self._alerting else None

    def _used_up(self) -> list[Passed] | None:
        passed = None
        for counter in self._alerting:
            if counter.used >= counter.alert_at:
                passed = [*(passed or ()), *counter.passed(counter.used)]
        return passed

    def count(self, second: int, used: Amounts, currency: str) -> None:
        """Count a call that held nothing here: its scope had no limits when it was admitted.

        The shares that it reaches are told with the next call that is held here, if there is one:
        the limits may be gone by now.
        """
        if currency != self.currency:
            used = (used[0], used[1], 0)
        for counter in self.all:
            counter.count(second, used[counter.place])


def _is_quoted(counter: Counter) -> bool:
    """Say whether headers speak of it: of rates, since a total has no time of its reset."""
    return counter.place != _COST and counter.window is not Window.TOTAL


def quota_of(scopes: Iterable[ScopeCounters], now: float) -> Quota | None:
    """Return what is left of requests and of tokens, each where the smallest share of it is left.

    None where nothing limits either.
    """
    requests: Counter | None = None
    tokens: Counter | None = None
    least_requests = least_tokens = 2.0
    for scope in scopes:
        for counter in scope.quoted:
            most = counter.most
            share = (most - counter.used - counter.held) / (most or 1)
            if counter.place:
                if share < least_tokens:
                    least_tokens, tokens = share, counter
            elif share < least_requests:
                least_requests, requests = share, counter
    if requests is None and tokens is None:
        return None
    return _new(
        Quota,
        (
            None if requests is None else _allowance(requests, now),
            None if tokens is None else _allowance(tokens, now),
        ),
    )


def _allowance(counter: Counter, now: float) -> Allowance:
    most = counter.most
    left = most - counter.used - counter.held
    return _new(Allowance, (most, max(0, left), counter.resets_in(now) or 0.0))
