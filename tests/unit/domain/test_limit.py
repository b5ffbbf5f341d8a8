"""Limits as documents say them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.fields import Fields, Findings
from llmproxy.domain.limit import (
    RULE_FIELDS,
    Limits,
    Measure,
    Rule,
    Window,
    month_of,
    narrowest,
    read_limits,
)

WHOLE = {
    "requests_per_minute": 600,
    "tokens_per_day": 5_000_000,
    "cost_per_month": 250.5,
    "cost_total": 1000,
    "currency": "EUR",
    "concurrent_requests": 20,
    "alert_at_percent": [80, 100],
}


def read(limits: object) -> tuple[Limits | None, list[str]]:
    """The limits of a document that has these, and the fields at fault."""
    findings = Findings()
    found = read_limits(Fields({"limits": limits}, "", findings), "limits")
    return found, [problem.field for problem in findings.problems]


def test_a_whole_one() -> None:
    """Costs become whole nano-units, and the document's words come out again."""
    limits, problems = read(WHOLE)

    assert problems == []
    assert limits is not None
    assert set(limits.rules) == {
        Rule(Measure.REQUESTS, Window.MINUTE, 600),
        Rule(Measure.TOKENS, Window.DAY, 5_000_000),
        Rule(Measure.COST, Window.MONTH, 250_500_000_000),
        Rule(Measure.COST, Window.TOTAL, 1_000_000_000_000),
    }
    assert (limits.concurrent_requests, limits.currency) == (20, "EUR")
    assert limits.document() == WHOLE
    assert read(limits.document()) == (limits, [])


@pytest.mark.parametrize("nothing", [None, {}, {"currency": "USD"}, {"alert_at_percent": [80]}])
def test_what_limits_nothing_is_no_limit(nothing: object) -> None:
    """So that it costs nothing."""
    assert read(nothing) == (None, [])


@pytest.mark.parametrize("word", [*RULE_FIELDS, "concurrent_requests"])
def test_zero_allows_nothing(word: str) -> None:
    """It is a limit, not the absence of one."""
    limits, problems = read({word: 0})
    assert problems == []
    assert limits is not None
    assert limits.document()[word] == 0


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ([], "limits"),
        ({"request_per_minute": 3}, "limits.request_per_minute"),
        ({"requests_per_minute": "3"}, "limits.requests_per_minute"),
        ({"requests_per_minute": True}, "limits.requests_per_minute"),
        ({"requests_per_minute": 1.5}, "limits.requests_per_minute"),
        ({"tokens_total": -1}, "limits.tokens_total"),
        ({"tokens_total": 10**13}, "limits.tokens_total"),
        ({"cost_per_day": float("nan")}, "limits.cost_per_day"),
        ({"cost_per_day": float("inf")}, "limits.cost_per_day"),
        ({"cost_total": 1, "currency": "usd"}, "limits.currency"),
        ({"cost_total": 1, "currency": 3}, "limits.currency"),
        ({"cost_total": 1, "alert_at_percent": 80}, "limits.alert_at_percent"),
        ({"cost_total": 1, "alert_at_percent": [0]}, "limits.alert_at_percent"),
        ({"cost_total": 1, "alert_at_percent": [101]}, "limits.alert_at_percent"),
        ({"cost_total": 1, "alert_at_percent": [80.5]}, "limits.alert_at_percent"),
        ({"cost_total": 1, "alert_at_percent": [*range(1, 12)]}, "limits.alert_at_percent"),
    ],
)
def test_problems_are_named(limits: object, field: str) -> None:
    """A misspelt word too: it would limit nothing."""
    assert read(limits)[1] == [field]


def test_the_narrowest_of_several() -> None:
    """All hold, so the least of each does; a further currency has its budget, and no more."""
    one = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 10), Rule(Measure.COST, Window.DAY, 5)))
    two = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 4),), 3, alert_at_percent=(80,))
    euros = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 2), *one.rules[1:]), currency="EUR")

    assert narrowest([]) == ()
    assert narrowest([one]) == (one,)
    merged, other = narrowest([one, two, euros])
    assert set(merged.rules) == {
        Rule(Measure.REQUESTS, Window.MINUTE, 2),
        Rule(Measure.COST, Window.DAY, 5),
    }
    assert (merged.concurrent_requests, merged.alert_at_percent) == (3, (80,))
    assert other == Limits(one.rules[1:], None, "EUR", (80,))


def test_a_rate_beside_a_budget_in_another_currency() -> None:
    """What is no money has none, whatever its document says: the two are one."""
    rate = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 4),))
    euros = Limits((Rule(Measure.COST, Window.DAY, 5),), currency="EUR")

    for several in ([rate, euros], [euros, rate]):
        [merged] = narrowest(several)
        assert merged.currency == "EUR"
        assert set(merged.rules) == {*rate.rules, *euros.rules}


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_months(moment: datetime) -> None:
    """Every moment is in one calendar month, and the next begins where it ends."""
    began, ends = month_of(moment.timestamp())
    first, last = datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(ends - 1, UTC)

    assert began <= moment.timestamp() < ends
    assert (first.year, first.month) == (moment.year, moment.month) == (last.year, last.month)
    assert (first.day, first.hour, first.minute, first.second) == (1, 0, 0, 0)
    assert month_of(ends)[0] == ends
