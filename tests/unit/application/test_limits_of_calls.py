"""What limits a call: its key, its project, the model, and each deployment for itself."""

import asyncio
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.limiter import Scope, ScopeKind
from llmproxy.application.routing.breaker import EARLY_EVERY_S
from llmproxy.application.routing.ward import Change, State
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import ANYONE, Caller, key_digest
from llmproxy.domain.errors import (
    Broken,
    BudgetSpent,
    Forbidden,
    RateLimited,
    Refused,
    Unavailable,
)
from llmproxy.domain.limit import Allowance, Limits, Measure, Quota, Rule, Window
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeProvider, call, deployment

pytestmark = pytest.mark.asyncio

MINUTE = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 60),))
TIGHTER = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 6),), concurrent_requests=2)
DOLLARS = Limits((Rule(Measure.COST, Window.MONTH, 10**9),))
EUROS = replace(DOLLARS, currency="EUR")
CALLER = Caller("key_1", "alpha", None, admin=False, expires_at=None)
LIMITED = replace(CALLER, key_id="key_l", limits=MINUTE, project_limits=DOLLARS)
COSTS = {"cost_input_1Mtokens": 1, "cost_output_1Mtokens": 2}


def words(limits: Limits) -> dict[str, object]:
    """As a document says it."""
    return limits.document()


def _spent() -> BudgetSpent:
    error = BudgetSpent("Spent.")
    error.limit = ("model", "cost_per_month")
    return error


async def test_scopes_of_a_call() -> None:
    """Of several documents with a limit for the model all hold: the least of each."""
    rooms = FakeRooms(
        FakeClock(),
        deployment(id="m-1", code="m", model_limits=words(MINUTE)),
        deployment(id="m-2", code="m", model_limits=words(TIGHTER)),
        deployment(id="free", code="free"),
    )

    assert rooms.registry.scopes(LIMITED, "m") == (
        Scope(ScopeKind.KEY, "key_l", MINUTE),
        Scope(ScopeKind.PROJECT, "alpha", DOLLARS),
        Scope(ScopeKind.MODEL, "m", TIGHTER),
    )
    assert rooms.registry.scopes(ANYONE, "free") == ()


async def test_a_call_from_before_a_change() -> None:
    """It brings the limits of then, or none; who calls after it has those of now."""
    rooms = FakeRooms(FakeClock(), deployment(id="m-1", code="m"))
    now = replace(LIMITED, limits=TIGHTER)
    for before in (CALLER, LIMITED):
        old = replace(before, key_id=LIMITED.key_id)
        assert Scope(ScopeKind.KEY, "key_l", TIGHTER) not in rooms.registry.scopes(old, "m")
        assert rooms.registry.scopes(now, "m")[0] == Scope(ScopeKind.KEY, "key_l", TIGHTER)


async def test_budgets_of_a_model_in_two_currencies() -> None:
    """What is no money counts once; the second budget has counters of its own."""
    dollars = {"requests_per_minute": 6, "cost_per_month": 1}
    euros = {"requests_per_minute": 9, "cost_per_month": 2, "currency": "EUR"}
    rooms = FakeRooms(
        FakeClock(),
        deployment(id="m-1", code="m", model_limits=dollars),
        deployment(id="m-2", code="m", model_limits=euros),
    )

    first, second = rooms.registry.scopes(ANYONE, "m")
    assert (first.name, second.name) == ("m", "m (EUR)")
    assert first.limits == Limits((*TIGHTER.rules, *DOLLARS.rules))
    assert second.limits == replace(EUROS, rules=(Rule(Measure.COST, Window.MONTH, 2 * 10**9),))


async def test_all_that_is_limited() -> None:
    """For the start, and for who asks whether anything is."""
    rooms = FakeRooms(FakeClock())
    assert rooms.registry.limited() == []

    keys = {key_digest(b"a"): LIMITED, key_digest(b"b"): replace(LIMITED, key_id="key_2")}
    limited = deployment(id="m-1", code="m", limits=words(MINUTE), model_limits=words(TIGHTER))
    rooms.registry.install(Snapshot((limited,), keys))

    assert {(scope.kind, scope.name) for scope in rooms.registry.limited()} == {
        (ScopeKind.KEY, "key_l"),
        (ScopeKind.KEY, "key_2"),
        (ScopeKind.PROJECT, "alpha"),
        (ScopeKind.MODEL, "m"),
        (ScopeKind.DEPLOYMENT, "m-1"),
    }


async def test_a_call_without_limits_names_no_scope() -> None:
    """So that it costs nothing."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(FakeProvider(clock)))
    admission = await rooms.admit(call(clock))

    assert (admission.reservation.scopes, admission.reservation.lanes) == ((), ())


async def test_a_full_deployment_is_passed_over() -> None:
    """At admission, and when the one before it has failed."""
    clock = FakeClock()
    providers = [FakeProvider(clock) for _ in range(3)]
    rooms = FakeRooms(
        clock,
        *[deployment(each, id=f"m-{n}", limits=words(MINUTE)) for n, each in enumerate(providers)],
    )
    rooms.limiter.full = {0}  # of the order of the call, which begins with m-0
    assert (await rooms.answer(call(clock))).deployment.model.id == "m-1"

    providers[1].reply = Broken("down")  # whose turn it is now; who comes next is full
    rooms.limiter.full = {1}
    answered = await rooms.answer(call(clock))
    attempts = rooms.journal.settlements[-1].attempts
    assert [each.error for each in attempts] == ["upstream_error", "rate_limit_exceeded", None]
    assert answered.deployment.model.id == attempts[-1].deployment
    assert rooms.limiter.moves == [1, 2]
    assert rooms.limiter.held == []


async def test_when_every_other_deployment_is_full() -> None:
    """The provider's failure is told before the limit that kept us from asking another."""
    clock = FakeClock()
    first, second = FakeProvider(clock), FakeProvider(clock)
    for provider in (first, second):
        provider.reply = Broken("down")
    rooms = FakeRooms(
        clock,
        deployment(first, id="m-1", limits=words(MINUTE)),
        deployment(second, id="m-2", limits=words(MINUTE)),
    )
    rooms.limiter.full = {1}

    with pytest.raises(Broken):
        await rooms.answer(call(clock))
    codes = [attempt.error for attempt in rooms.journal.last.attempts]
    assert codes == ["upstream_error", "rate_limit_exceeded"]
    assert rooms.limiter.requests == [0]


async def test_a_call_that_ends_because_nobody_has_room() -> None:
    """It is refused by a limit, and counted once as that, however many were in its way."""
    clock = FakeClock()
    ill = [
        deployment(FakeProvider(clock), id=name, limits=words(MINUTE), fallbacks=["b"])
        for name in ("m-0", "m-1")
    ]
    rooms = FakeRooms(clock, *ill, deployment(FakeProvider(clock), id="b", code="b"))
    for each in ill:
        until = clock.now() + 30.0
        rooms.fleet.health(each).hear(Change(each.model.id, State.OPEN, until))
    admission = await rooms.admit(call(clock))
    clock.advance(EARLY_EVERY_S)
    assert rooms.fleet.health(admission.plan[0]).takes_early(clock.monotonic())  # another call
    rooms.limiter.full = {0, 1}
    rooms.limiter.refuses = {"b": _spent()}

    with pytest.raises(RateLimited):
        await rooms.answer.admitted(admission)
    assert rooms.limiter.moves == [1]
    assert rooms.meter.refusals == [("deployment", "requests_per_minute")]
    assert rooms.limiter.held == []


async def test_a_stand_in_that_is_over_a_limit() -> None:
    """The call was not refused where the next one answers; nor where a failure is what is told."""
    clock = FakeClock()
    down, last = FakeProvider(clock), FakeProvider(clock)
    down.reply = Broken("down")
    rooms = FakeRooms(
        clock,
        deployment(down, id="a", code="mini", fallbacks=["b", "c"]),
        deployment(FakeProvider(clock), id="b", code="b"),
        deployment(last, id="c", code="c"),
    )
    rooms.limiter.refuses = {"b": _spent()}

    assert (await rooms.answer(call(clock))).deployment.model.id == "c"
    last.reply = Broken("down")
    with pytest.raises(Broken):
        await rooms.answer(call(clock))
    assert rooms.meter.refusals == []


async def test_a_budget_in_another_currency() -> None:
    """Never added up: the deployment is left out, and the call refused when none is left."""
    clock = FakeClock()
    dear = {"currency": "EUR", **COSTS}
    rooms = FakeRooms(
        clock,
        deployment(FakeProvider(clock), id="m-usd", code="m", costs=COSTS),
        deployment(FakeProvider(clock), id="m-eur", code="m", costs=dear),
        deployment(FakeProvider(clock), id="n", code="n", costs=COSTS),
    )
    spender = replace(CALLER, limits=EUROS)

    admission = await rooms.admit(replace(call(clock, model="m"), caller=spender))
    assert [each.model.id for each in admission.plan] == ["m-eur"]
    with pytest.raises(Forbidden) as refused:
        await rooms.admit(replace(call(clock, model="n"), caller=spender))
    assert refused.value.code == "budget_currency"
    assert rooms.journal.openings[1:] == []


async def test_limits_that_cannot_be_counted() -> None:
    """What is limited is refused, the rest is served."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(FakeProvider(clock)))
    rooms.admit.countable = lambda: False

    with pytest.raises(Unavailable) as refused:
        await rooms.answer(replace(call(clock), caller=LIMITED))
    assert refused.value.code == "limits_unenforceable"
    assert (await rooms.answer(call(clock))).reply.body


async def test_what_counts_as_a_request() -> None:
    """An answer does, and one that was left; a refusal and a failure give all back."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    rooms = FakeRooms(clock, deployment(provider))
    await rooms.answer(call(clock))
    failures = (Broken("down"), Refused("no", status=400, error={}))
    for failure in failures:
        provider.reply = failure
        with pytest.raises(type(failure)):
            await rooms.answer(call(clock))
    provider.hangs = True
    left = asyncio.create_task(rooms.answer(call(clock)))
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left

    outcomes = [entry.outcome for entry in rooms.journal.settlements]
    assert outcomes == [Outcome.FINISHED, Outcome.FAILED, Outcome.REFUSED, Outcome.ABORTED]
    assert rooms.limiter.requests == [1, 0, 0, 1]


async def test_a_free_call() -> None:
    """It is counted as a request and uses nothing."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(FakeProvider(clock)))
    admission = await rooms.admit.free(replace(call(clock), caller=LIMITED))
    assert (admission.reservation.cost_nano, admission.reservation.tokens) == (0, 0)
    rooms.settle.cached(admission)

    row = rooms.journal.last
    assert (row.outcome, row.cost_nano, row.usage) == (Outcome.CACHED, 0, Usage())
    assert rooms.limiter.used == [(0, 0)]
    assert rooms.limiter.requests == [1]


async def test_limits_are_told_with_a_refusal() -> None:
    """The headers of a 429 come from what the limiter found."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(FakeProvider(clock)))
    rooms.limiter.refusal = RateLimited("Rate limit reached.", retry_after_s=1.0)
    rooms.limiter.quota = Quota(Allowance(60, 0, 1.0), None)

    with pytest.raises(RateLimited) as refused:
        await rooms.answer(call(clock))
    assert refused.value.quota == rooms.limiter.quota
    assert rooms.journal.openings == []
