"""Sums with their totals, and what a caller sees of itself."""

import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.limiter import Limit, Reservation, Scope, ScopeKind, Standing
from llmproxy.application.interfaces.usage_ledger import Filter, Sum
from llmproxy.application.use_cases import read_usage
from llmproxy.application.use_cases.read_usage import OwnUsage, ReadUsage
from llmproxy.domain.caller import ANYONE, Auth, Caller
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLimiter
from tests.fakes.rows import NOW, RowsLedger, call
from tests.fakes.upstream import deployment
from tests.unit.application.registries import registry_of

pytestmark = pytest.mark.asyncio
DAY_S = 86_400
LIMITS = Limits((Rule(Measure.REQUESTS, Window.DAY, 5),))
OTHERS = Limits((Rule(Measure.TOKENS, Window.MINUTE, 100),))
CALLER = Caller("key_plain", "alpha", None, admin=False, expires_at=None)


class AskedLimiter(FakeLimiter):
    """Remembers what it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Reservation] = []

    @override
    async def standing(self, reservation: Reservation) -> Standing:
        self.asked.append(reservation)
        return Standing(self.limits, None)


def requests(sums: list[Sum]) -> dict[tuple[str | None, ...], int]:
    """How many calls each group has."""
    return {each.group: each.requests for each in sums}


async def test_currencies_are_never_added_up() -> None:
    """One total for each, whatever the groups are."""
    ledger = RowsLedger(
        call(1),
        call(2, model="max"),
        call(3, currency="EUR", cost_nano=7),
        call(4, currency="EUR", cost_nano=1, model="max"),
    )
    for by in ((), ("model",), ("tag",), ("model", "tag")):
        report = await ReadUsage(ledger).report(Filter(), by)
        totals = [(each.group, each.currency, each.cost_nano) for each in report.totals]
        assert totals == [((), "EUR", 8), ((), "USD", 3_000_000_000)]


async def test_a_call_with_several_tags_is_one_call() -> None:
    """It stands under each of its tags, and once in the total."""
    ledger = RowsLedger(call(1, tags=("a", "b")), call(2, tags=("a",)), call(3))
    report = await ReadUsage(ledger).report(Filter(), ("tag",))
    assert requests(list(report.groups)) == {("",): 1, ("a",): 2, ("b",): 1}
    assert [each.requests for each in report.totals] == [3]


async def test_totals_are_the_sums_of_the_groups() -> None:
    """In every field; the ledger is asked once."""
    ledger = RowsLedger(*(call(n, model=f"m{n % 3}", tags=("x",)) for n in range(1, 9)))
    report = await ReadUsage(ledger).report(Filter(), ("model", "outcome"))
    assert len(ledger.asked) == 1
    assert list(report.totals) == await ledger.sums(Filter(), ())


async def test_single_calls() -> None:
    """Page after page."""
    ledger = RowsLedger(call(1), call(2), call(3))
    page = await ReadUsage(ledger).calls(Filter(), None, 2)
    assert [each.request_id for each in page.rows] == ["req_0001", "req_0002"]
    rest = await ReadUsage(ledger).calls(Filter(), page.next, 2)
    assert ([each.request_id for each in rest.rows], rest.next) == (["req_0003"], None)


async def test_a_key_sees_its_own_calls_only() -> None:
    """Of this day and this month, by model; not those of its own project's other keys."""
    ledger = RowsLedger(
        call(1),
        call(2, model="max"),
        call(3, at=NOW - DAY_S),
        call(4, at=NOW - 40 * DAY_S),
        call(5, key_id="key_other"),
        call(6, key_id="key_other", project="beta"),
    )
    own = await OwnUsage(registry_of(), ledger, AskedLimiter(), FakeClock(NOW))(CALLER)
    assert requests(list(own.day.report.groups)) == {("max",): 1, ("mini",): 1}
    assert requests(list(own.month.report.groups)) == {("max",): 1, ("mini",): 2}
    assert [each.requests for each in own.month.report.totals] == [3]
    assert (own.day.since, own.month.since) == (1_799_971_200, 1_798_761_600)


@pytest.mark.parametrize(("tag", "seen"), [("alpha", 2), ("beta", 1), (None, 1), ("nobody", 0)])
async def test_who_calls_without_a_key_sees_what_it_names(tag: str | None, seen: int) -> None:
    """Of the calls without a key, those for the project that it names; never a key's."""
    free = {"key_id": "none"}
    ledger = RowsLedger(
        call(1, **free),
        call(2, **free),
        call(3, **free, project="beta"),
        call(4, **free, project=None),
        call(5, project="alpha"),
        call(6, project="nobody"),
    )
    asking = OwnUsage(registry_of(auth=Auth.OPEN), ledger, AskedLimiter(), FakeClock(NOW))
    own = await asking(replace(ANYONE, tag=tag))
    assert requests(list(own.month.report.groups)) == ({("mini",): seen} if seen else {})
    assert sum(each.requests for each in own.month.report.totals) == seen


async def test_limits_are_those_that_hold_for_the_caller() -> None:
    """Its key's, its project's, and those of models that it sees; nothing is held meanwhile."""
    limited = replace(deployment(id="a", code="open").model, model_limits=OTHERS)
    hidden = replace(limited, id="b", code="hidden", private=True, projects=frozenset({"beta"}))
    registry = registry_of(
        replace(deployment(id="a"), model=limited),
        replace(deployment(id="b"), model=hidden),
        deployment(id="c", code="free"),
    )
    limiter = AskedLimiter()
    most = 50
    ours = Limit("key key_plain", "requests", 1, 5, "requests_per_day")
    limiter.limits = (
        Limit("worker", "requests in flight", 3, most, "MAX_CONCURRENT_REQUESTS"),
        ours,
    )
    caller = replace(CALLER, limits=LIMITS, project_limits=OTHERS)
    own = await OwnUsage(registry, RowsLedger(), limiter, FakeClock(NOW))(caller)
    assert own.limits == (ours,)
    [asked] = limiter.asked
    assert set(asked.scopes) == {
        Scope(ScopeKind.KEY, "key_plain", LIMITS),
        Scope(ScopeKind.PROJECT, "alpha", OTHERS),
        Scope(ScopeKind.MODEL, "open", OTHERS),
    }
    assert (asked.cost_nano, asked.tokens, limiter.held) == (0, 0, [])


async def test_without_limits_nobody_is_asked() -> None:
    """The limiter may be away then."""
    limiter = AskedLimiter()
    own = await OwnUsage(registry_of(), RowsLedger(), limiter, FakeClock(NOW))(CALLER)
    assert (own.limits, limiter.asked) == ((), [])


class SlowLedger(RowsLedger):
    """Answers when it is let; knows how many ask at once."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.at_once = 0

    @override
    async def sums(self, wanted: Filter, by: object) -> list[Sum]:
        self.at_once += 1
        await self.let.wait()
        return []


async def test_only_a_few_ask_at_once() -> None:
    """The ledger is not flooded by keys that look at themselves."""
    ledger = SlowLedger()
    asking = OwnUsage(registry_of(), ledger, AskedLimiter(), FakeClock(NOW))
    tasks = [asyncio.create_task(asking(CALLER)) for _ in range(20)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert ledger.at_once == read_usage.MAX_AT_ONCE
    ledger.let.set()
    assert len(await asyncio.gather(*tasks)) == 20


async def test_nobody_waits_for_ever() -> None:
    """Who finds the ledger busy too long is told to come again."""
    asking = OwnUsage(registry_of(), SlowLedger(), AskedLimiter(), FakeClock(NOW), patience_s=0.01)
    with pytest.raises(Unavailable, match="too busy"):
        await asking(CALLER)


async def test_a_ledger_that_is_away_is_said_to_be() -> None:
    """And nothing is made up."""
    ledger = RowsLedger(call())
    ledger.failure = Unavailable("The store is away.", retry_after_s=1.0)
    with pytest.raises(Unavailable, match="store is away"):
        await OwnUsage(registry_of(), ledger, AskedLimiter(), FakeClock(NOW))(CALLER)
