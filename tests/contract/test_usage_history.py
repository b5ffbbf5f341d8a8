"""What every UsageLedger tells limits of the past, run against each adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    Scope,
    ScopeHistory,
    ScopeKind,
    ScopeName,
    Step,
    Used,
)
from llmproxy.application.interfaces.usage_ledger import Filter, UsageLedger
from llmproxy.domain.caller import NO_KEY
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from tests.contract.usage_calls import FILE, TOKENS, known, mixed, put
from tests.contract.usage_places import PLACES
from tests.fakes.usage_ledger import NOON, call

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(name="ledger", params=PLACES)
async def _ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageLedger]:
    make: Callable[[Path], Awaitable[UsageLedger]] = request.param
    ledger = await make(tmp_path)
    yield ledger
    await ledger.close()


async def test_sums_without_end(ledger: UsageLedger) -> None:
    """What costs more than 2**63 nano-units together is summed to the last of them."""
    dear = 2**62 + 7
    for number in range(3):
        await put(ledger, call(number, cost_nano=dear, at=NOON + 1000 * number))
    scope = Scope(ScopeKind.KEY, "key_1", Limits())
    found = (await ledger.history([scope], NOON)).scopes[ScopeName(ScopeKind.KEY, "key_1")]

    [together] = await ledger.sums(Filter(), ())
    assert (together.requests, together.cost_nano) == (3, 3 * dear)
    assert found.total.cost_nano == found.month.cost_nano == 3 * dear


BUDGET = Limits((Rule(Measure.COST, Window.MONTH, 1),), currency="USD")
SCOPES = [
    Scope(ScopeKind.KEY, "key_1", BUDGET),
    Scope(ScopeKind.PROJECT, "équipe", BUDGET),
    Scope(ScopeKind.MODEL, "mini", replace(BUDGET, currency="EUR")),
    Scope(ScopeKind.DEPLOYMENT, "mini-1", BUDGET),
]
NAMES = [ScopeName(scope.kind, scope.name) for scope in SCOPES]


async def test_history_of_nothing(ledger: UsageLedger) -> None:
    """Every scope that was asked for has an answer."""
    found = await ledger.history(SCOPES, NOON)
    nothing = ScopeHistory((), (), NOTHING_USED, NOTHING_USED)

    assert found.scopes == dict.fromkeys(NAMES, nothing)
    assert found.positions == {}


async def test_history_of_each_scope(ledger: UsageLedger) -> None:
    """A key, a project, a model's code, a deployment: each has its own calls, in its currency."""
    await put(
        ledger,
        call(1, at=NOON - 10, key_id="key_2", counted=0),
        call(2, at=NOON - 10, project=None, cost_nano=300),
        call(3, at=NOON - 10, model="maxi", currency="EUR", cost_nano=50),
        call(4, at=NOON - 10, deployment=None),
    )
    found = await ledger.history(SCOPES, NOON)

    used = {name: history.total for name, history in found.scopes.items()}
    assert used == {
        NAMES[0]: Used(1_300, 3 * TOKENS, 3),
        NAMES[1]: Used(2_000, 3 * TOKENS, 2),
        NAMES[2]: Used(0, 3 * TOKENS, 2),
        NAMES[3]: Used(1_300, 3 * TOKENS, 2),
    }
    for name in NAMES:
        history = found.scopes[name]
        assert [step.used for step in history.minutes] == [used[name]]
        assert [step.used for step in history.days] == [used[name]]
        assert history.month == used[name]
    assert found.positions == {FILE: 400}


async def test_a_project_that_was_only_named(ledger: UsageLedger) -> None:
    """Who calls without a key names a project for its usage, and uses up no budget of it."""
    project = SCOPES[1]
    named = call(1, key_id=NO_KEY, project=project.name)
    await put(ledger, named, call(2, project=project.name))
    found = (await ledger.history([project], NOON)).scopes[NAMES[1]]

    assert [step.used.requests for step in found.minutes] == [1]
    assert [step.used.requests for step in found.days] == [1]
    assert (found.month.requests, found.total.requests) == (1, 1)
    [sums] = await ledger.sums(Filter(projects=frozenset({project.name})), ())
    assert sums.requests == 2


async def test_history_at_the_edges_of_the_minute(ledger: UsageLedger) -> None:
    """Steps of two seconds; the first is the one whose end lies less than a minute back."""
    now = NOON + 61.5
    times = (NOON - 2.0, NOON - 0.001, NOON, NOON + 1.999, NOON + 2, NOON + 60.5, NOON + 61.9)
    await put(ledger, *(call(n, at=at) for n, at in enumerate(times)))
    found = (await ledger.history(SCOPES[:1], now)).scopes[NAMES[0]]

    steps = [(step.at - NOON, step.used.requests) for step in found.minutes if step.at >= NOON]
    assert steps == [(0, 2), (2, 1), (60, 2)]
    # One that has just left the window may be told; what lies before it is not.
    assert all(step.at >= NOON - 2 for step in found.minutes)
    assert found.total.requests == len(times)


async def test_history_at_the_edges_of_the_day(ledger: UsageLedger) -> None:
    """Steps of a quarter of an hour, over a day and a quarter of an hour."""
    now = NOON + 86_400 + 899.5
    times = (NOON - 900.5, NOON - 0.5, NOON, NOON + 899.5, NOON + 900, now)
    await put(ledger, *(call(n, at=at) for n, at in enumerate(times)))
    found = (await ledger.history(SCOPES[:1], now)).scopes[NAMES[0]]

    steps = [(step.at - NOON, step.used.requests) for step in found.days if step.at >= NOON]
    assert steps == [(0, 2), (900, 1), (86_400, 1)]
    assert all(step.at >= NOON - 900 for step in found.days)


async def test_history_at_the_edges_of_the_month(ledger: UsageLedger) -> None:
    """The month is the calendar's in UTC; the total has no edge."""
    january, february = 1_798_761_600.0, 1_801_440_000.0
    times = (january - 0.5, january, february - 0.5, february, february + 1)
    await put(ledger, *(call(n, at=at) for n, at in enumerate(times)))
    before = (await ledger.history(SCOPES[:1], february - 0.25)).scopes[NAMES[0]]
    after = (await ledger.history(SCOPES[:1], february)).scopes[NAMES[0]]

    assert after.month == Used(2_000, 2 * TOKENS, 2)
    assert before.month.requests >= 2
    assert before.total == after.total == Used(5_000, 5 * TOKENS, 5)


async def test_history_agrees_with_the_calls(ledger: UsageLedger) -> None:
    """Whatever the calls are, their history is what they add up to."""
    calls = [*mixed(), *(call(1000 + n, at=NOON - n * 7.3) for n in range(50))]
    await put(ledger, *calls)
    found = await ledger.history(SCOPES, NOON + 0.5)
    expected = await (await known(calls)).history(SCOPES, NOON + 0.5)

    for name in NAMES:
        assert found.scopes[name].month == expected.scopes[name].month
        assert found.scopes[name].total == expected.scopes[name].total
        assert _within(found.scopes[name].minutes, expected.scopes[name].minutes)
        assert _within(found.scopes[name].days, expected.scopes[name].days)


def _within(found: Sequence[Step], expected: Sequence[Step]) -> bool:
    """Whether they are the same, but for one step that has just left the window."""
    return list(found)[-len(expected) :] == list(expected) and len(found) <= len(expected) + 1
