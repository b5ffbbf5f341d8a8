"""What may be used of a key, a project, a model or a deployment, in the words of a document.

```json
{"requests_per_minute": 600, "tokens_per_day": 5000000, "cost_per_month": 250.5, "cost_total": 1000,
 "currency": "USD", "concurrent_requests": 20, "alert_at_percent": [80, 100]}
```

`requests`, `tokens` and `cost`, each `_per_minute`, `_per_day`, `_per_month` or `_total`. Minute
and day slide; the month is the calendar's, in UTC, as providers' invoices are. Zero allows nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from llmproxy.domain.fields import Fields, json_kind
from llmproxy.domain.pricing import NANO

MAX_LIMIT: Final = 10**12
"""A million million of anything, and of any currency: no account comes near, and 10**21 nano-units
are what the arithmetic has to hold."""
MAX_ALERTS: Final = 10
_CURRENCY_LETTERS: Final = 3


class Measure(StrEnum):
    """What is counted."""

    __hash__ = str.__hash__

    REQUESTS = "requests"
    TOKENS = "tokens"
    COST = "cost"
    """In nano-units (1e-9) of the limits' currency."""


class Window(StrEnum):
    """Over which time."""

    __hash__ = str.__hash__

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


MINUTE_STEP_S: Final = 2
DAY_STEP_S: Final = 900
MINUTE_S: Final = 60
DAY_S: Final = 86_400
SLIDING: Final[Mapping[Window, tuple[int, int]]] = {
    Window.MINUTE: (MINUTE_STEP_S, MINUTE_S),
    Window.DAY: (DAY_STEP_S, DAY_S),
}
"""Step and length in seconds. A sliding window moves in steps: what falls into one leaves it when
the end of the step lies the window's length back, so that no 60 seconds, however they are cut, hold
more than the limit allows."""


def month_of(at: float) -> tuple[int, int]:
    """Return the first second of the calendar month (UTC) that holds this time, and of the next."""
    day = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp()), int((day + timedelta(days=32)).replace(day=1).timestamp())


class WhenAway(StrEnum):
    """What becomes of calls that have limits while the shared counters cannot be reached."""

    CLOSED = "closed"
    """They are refused."""
    OPEN = "open"
    """They are let through and counted later."""
    SHARE = "share"
    """Each worker lets its share of the limits through."""


class Rule(NamedTuple):
    """At most so much of one measure in one window; cost in nano-units."""

    measure: Measure
    window: Window
    most: int

    @property
    def field(self) -> str:
        """The document's word for it."""
        return field_of(self.measure, self.window)


def field_of(measure: Measure, window: Window) -> str:
    """Return the document's word for a limit."""
    return f"{measure}_total" if window is Window.TOTAL else f"{measure}_per_{window}"


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of one scope. `alert_at_percent` are shares of each rule at which people are told.

    They are told once per window.
    """

    rules: tuple[Rule, ...] = ()
    concurrent_requests: int | None = None
    currency: str = "USD"
    alert_at_percent: tuple[int, ...] = ()
    counts_cost: bool = field(init=False, repr=False, compare=False)
    """Whether money is bounded, so that the currency matters."""

    def __post_init__(self) -> None:
        """Look at the rules once: every call asks."""
        counts = any(rule.measure is Measure.COST for rule in self.rules)
        object.__setattr__(self, "counts_cost", counts)

    def document(self) -> dict[str, object]:
        """Return it in a document's words; a cost as the shortest number that says it exactly."""
        words: dict[str, object] = {
            rule.field: _amount(rule.most) if rule.measure is Measure.COST else rule.most
            for rule in self.rules
        }
        if self.counts_cost:
            words["currency"] = self.currency
        if self.concurrent_requests is not None:
            words["concurrent_requests"] = self.concurrent_requests
        if self.alert_at_percent:
            words["alert_at_percent"] = list(self.alert_at_percent)
        return words


class Allowance(NamedTuple):
    """What is left of one measure in the narrowest window that bounds it, after this call."""

    most: int
    left: int
    reset_s: float
    """Seconds until nothing of the window is used any more."""


class Quota(NamedTuple):
    """What the six `x-ratelimit-*` headers say; None for a measure that nothing limits."""

    requests: Allowance | None
    tokens: Allowance | None


RULE_FIELDS: Final[Mapping[str, tuple[Measure, Window]]] = {
    field_of(measure, window): (measure, window) for window in Window for measure in Measure
}
LIMIT_FIELDS: Final = (*RULE_FIELDS, "currency", "concurrent_requests", "alert_at_percent")


def narrowest(all_limits: Iterable[Limits]) -> tuple[Limits, ...]:
    """Return limits that hold when all of these do: one, and a budget for each further currency.

    All that is no money is in the first: its calls are counted once.
    """
    given = list(all_limits)
    if not given:
        return ()
    budgets = dict.fromkeys(each.currency for each in given if each.counts_cost)
    first, *further = budgets or (given[0].currency,)
    return (
        _narrowest(given, first),
        *(_narrowest([_budget(each) for each in given], currency) for currency in further),
    )


def _narrowest(given: list[Limits], currency: str) -> Limits:
    """Return the least of each; of costs, those in this currency."""
    most: dict[tuple[Measure, Window], int] = {}
    for limits in given:
        for rule in limits.rules:
            if rule.measure is Measure.COST and limits.currency != currency:
                continue
            place = (rule.measure, rule.window)
            most[place] = min(rule.most, most.get(place, rule.most))
    concurrent = [each.concurrent_requests for each in given]
    return Limits(
        tuple(Rule(*place, amount) for place, amount in most.items()),
        min((each for each in concurrent if each is not None), default=None),
        currency,
        tuple(sorted({percent for each in given for percent in each.alert_at_percent})),
    )


def _budget(limits: Limits) -> Limits:
    """Return what of them is about money."""
    rules = tuple(rule for rule in limits.rules if rule.measure is Measure.COST)
    return replace(limits, rules=rules, concurrent_requests=None)


def read_limits(fields: Fields, name: str) -> Limits | None:
    """Read the object `name` of a document; None when it is absent or limits nothing.

    What is wrong goes to the findings of `fields`: unknown words too, since a limit that was
    misspelt would limit nothing.
    """
    inner = fields.section(name)
    if inner is None:
        return None
    for word in inner.values:
        if word not in LIMIT_FIELDS:
            inner.problem(word, "is no limit", f"known are {', '.join(LIMIT_FIELDS)}")
    rules = tuple(
        Rule(measure, window, most)
        for word, (measure, window) in RULE_FIELDS.items()
        if (most := _most(inner, word, measure)) is not None
    )
    concurrent = _most(inner, "concurrent_requests", Measure.REQUESTS)
    limits = Limits(rules, concurrent, _currency(inner), _alerts(inner))
    return limits if rules or concurrent is not None else None


def _most(fields: Fields, word: str, measure: Measure) -> int | None:
    value = fields.values.get(word)
    if value is None:
        return None
    amount = _amount_of(value)
    if isinstance(amount, str):
        fields.problem(word, amount)
        return None
    if measure is Measure.COST:
        return int((amount * NANO).to_integral_value(ROUND_HALF_UP))
    if amount == int(amount):
        return int(amount)
    fields.problem(word, "must be a whole number")
    return None


def _amount_of(value: object) -> Decimal | str:
    """Return the number, or what is wrong with it."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return f"must be a number, not {json_kind(value)}"
    amount = Decimal(str(value))
    if not amount.is_finite() or not 0 <= amount <= MAX_LIMIT:
        return f"must be from 0 to {MAX_LIMIT}"
    return amount


def _currency(fields: Fields) -> str:
    value = fields.values.get("currency")
    if value is None:
        return "USD"
    known = isinstance(value, str) and value.isascii() and value.isalpha() and value.isupper()
    if not known or len(str(value)) != _CURRENCY_LETTERS:
        fields.problem("currency", "must be a currency code of three capitals", "such as USD")
    return str(value)


def _alerts(fields: Fields) -> tuple[int, ...]:
    value = fields.values.get("alert_at_percent")
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > MAX_ALERTS:
        fields.problem("alert_at_percent", f"must be a list of at most {MAX_ALERTS} percentages")
        return ()
    if not all(type(each) is int and 1 <= each <= 100 for each in value):
        fields.problem("alert_at_percent", "must hold whole numbers from 1 to 100")
        return ()
    return tuple(sorted(set(value)))


def _amount(nano: int) -> int | float:
    whole, rest = divmod(nano, NANO)
    return whole if not rest else float(Decimal(nano) / NANO)
