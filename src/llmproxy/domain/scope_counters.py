"""All counters of one scope: of a key, a project, a model or a deployment.

Costs are in one currency, that of the scope's limits; what costs another currency is no money here.
"""

from collections.abc import Iterable
from typing import Final
from weakref import WeakSet

from llmproxy.domain.limit import Allowance, Limits, Measure, Quota, Window
from llmproxy.domain.windows import NEVER, Amounts, Counter, Sums, counter_of

_REQUESTS: Final = 0
_COST: Final = 2
_new: Final = tuple.__new__
"""Makes a named tuple in a third of the time that calling its class takes; each call needs some."""


class Reader:
    """Has noted what it needs of counters, until `edge`; 0 when they are others by now."""

    __slots__ = ("__weakref__", "edge")

    def __init__(self) -> None:
        self.edge = 0


class ScopeCounters:
    """What the rules of a scope count, and how many of its calls are in flight.

    A counter that the present limits do not need goes on counting: limits come and go. `edge` is
    the second from which on `roll` is due before anything else is asked. `running` counts calls in
    flight: each takes one until it ends. `readers` are told when counters or bounds change.
    """

    __slots__ = (
        "_by_rule",
        "alerting",
        "all",
        "bounded",
        "counts_cost",
        "currency",
        "edge",
        "limits",
        "quoted",
        "readers",
        "running",
        "watching",
    )

    def __init__(self, limits: Limits) -> None:
        self.running = Sums()
        self.edge = 0
        self.currency = limits.currency
        self._by_rule: dict[tuple[Measure, Window], Counter] = {}
        self.all: tuple[Counter, ...] = ()
        self.bounded: tuple[Counter, ...] = ()
        self.quoted: tuple[Counter, ...] = ()
        self.alerting: tuple[Counter, ...] = ()
        self.watching: tuple[Counter, ...] = ()
        self.limits: Limits | None = None
        self.counts_cost = False
        self.readers: WeakSet[Reader] = WeakSet()

    def changed(self) -> None:
        """Let all who read these counters look anew."""
        for reader in self.readers:
            reader.edge = 0
        self.readers.clear()

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
        self.edge = 0
        self.limits = None
        self.changed()
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
            counter.sums.most = NEVER
        bounded = []
        for rule in limits.rules:
            counter = self._by_rule[rule.measure, rule.window]
            counter.sums.most = rule.most
            bounded.append(counter)
        for counter in self.all:
            counter.watch(limits.alert_at_percent)
        self.bounded = tuple(bounded)
        self.quoted = tuple([each for each in bounded if _is_quoted(each)])
        self.alerting = self.bounded if limits.alert_at_percent else ()
        self.watching = tuple([each for each in self.alerting if each.place == _REQUESTS])
        most = limits.concurrent_requests
        self.running.most = NEVER if most is None else most
        self.counts_cost = limits.counts_cost
        self.changed()

    def roll(self, second: int) -> None:
        """Forget what has left the windows."""
        self.edge = min([counter.roll(second) for counter in self.all], default=NEVER)

    def is_full(self, asked: Amounts, currency: str) -> bool:
        """Say whether there is no room for one more call that may use so much.

        What a call does not ask for cannot stand in its way.
        """
        if self.running.taken >= self.running.most:
            return True
        if currency != self.currency and asked[_COST]:
            if self.counts_cost:
                return True
            asked = (asked[0], asked[1], 0)
        for counter in self.bounded:
            amount = asked[counter.place]
            if amount and counter.sums.taken + amount > counter.sums.most:
                return True
        return False

    def hold(self, second: int, amounts: Amounts, currency: str) -> None:
        """Hold the amounts of a call."""
        if currency != self.currency:
            amounts = (amounts[0], amounts[1], 0)
        self.running.taken += 1
        for counter in self.all:
            counter.add(second, 0, amounts[counter.place])

    def settle(self, second: int, held: Amounts, used: Amounts, currency: str) -> None:
        """Replace what a call of that second held by what it used."""
        if currency != self.currency:
            held = (held[0], held[1], 0)
            used = (used[0], used[1], 0)
        self.running.taken -= 1
        for counter in self.all:
            place = counter.place
            counter.add(second, used[place], used[place] - held[place])

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
    return left_of(quoted_of(scopes), now)


Quoted = tuple[Counter, Sums, tuple[tuple[Counter, Sums], ...]]
"""The first counter of a measure that headers speak of, its sums, and the others."""


def quoted_of(scopes: Iterable[ScopeCounters]) -> tuple[Quoted | None, Quoted | None]:
    """Return the counters that headers speak of, those of requests and those of tokens."""
    found = [counter for scope in scopes for counter in scope.quoted]
    return (
        _quoted([each for each in found if each.place == _REQUESTS]),
        _quoted([each for each in found if each.place != _REQUESTS]),
    )


def _quoted(counters: list[Counter]) -> Quoted | None:
    if not counters:
        return None
    first, *others = counters
    return first, first.sums, tuple([(each, each.sums) for each in others])


def left_of(quoted: tuple[Quoted | None, Quoted | None], now: float) -> Quota | None:
    """Return the quota by those counters."""
    requests, tokens = quoted
    if tokens is None:
        return None if requests is None else _new(Quota, (_allowance(requests, now), None))
    first = None if requests is None else _allowance(requests, now)
    return _new(Quota, (first, _allowance(tokens, now)))


def _allowance(quoted: Quoted, now: float) -> Allowance:
    counter, sums, others = quoted
    for each, own in others:
        most, least = own.most, sums.most  # Shares are compared without a division: it takes long.
        if (most - own.taken) * (least or 1) < (least - sums.taken) * (most or 1):
            counter, sums = each, own
    most = sums.most
    left = most - sums.taken
    # What the present step has taken leaves last; after a hold there is always some.
    resets_s = sums.leaves_at - now if sums.taken != sums.ended else counter.resets_in(now) or 0.0
    # `max` would take as long as all the rest.
    return _new(Allowance, (most, left if left > 0 else 0, resets_s))  # noqa: FURB136
