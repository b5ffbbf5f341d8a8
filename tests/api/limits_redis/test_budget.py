"""A budget that two servers share: never passed, and spent to its last affordable request."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from tests.api.limits.bursts import OK
from tests.api.limits_redis.pair import BOUND, BUDGET, COST, FIT, Pair, pair, with_budget
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

CALLS = 500


def finish(both: Pair, name: str, served: int) -> None:
    """Spend what is left, and compare Redis, the ledger and the provider."""
    assert served <= FIT
    both.use_up(name, FIT - served)
    both.stages[0].spent(FIT * COST, FIT, key=both.stages[0].keys[name].id)
    assert both.told(name) == [(FIT * COST, Decimal(0))] * 2
    assert FIT * COST <= BUDGET
    assert len(both.upstream.requests) == FIT


def test_500_at_once(tmp_path: Path) -> None:
    """Without retries: what is let through fits; what is left can be spent after."""
    with pair(tmp_path) as both:
        with_budget(both, "one")
        outcomes = asyncio.run(both.burst("one", CALLS, max_retries=0))
        assert outcomes.total() == CALLS
        assert set(outcomes) <= {OK, "budget_reserved", "insufficient_quota", "limits_unavailable"}
        assert outcomes[OK] <= FIT
        if "limits_unavailable" not in outcomes:
            assert outcomes[OK] >= BUDGET // BOUND
        finish(both, "one", outcomes[OK])


def test_500_with_the_sdks_own_retries(tmp_path: Path) -> None:
    """They come again for what was held, until exactly as many as fit were served."""
    with pair(tmp_path) as both:
        with_budget(both, "one")
        outcomes = asyncio.run(both.burst("one", CALLS, max_retries=40))
        assert outcomes == {OK: FIT, "insufficient_quota": CALLS - FIT}
        finish(both, "one", FIT)


@pytest.mark.parametrize("kept", [False, True], ids=["emptied", "kept"])
def test_redis_is_killed_in_the_middle(tmp_path: Path, *, kept: bool) -> None:
    """It dies while both servers have calls in flight; it comes back with nothing, or with all."""
    with pair(tmp_path, kept=kept) as both:
        with_budget(both, "one")
        both.upstream.fail_next("timing", times=None, delay_ms=150)

        async def trouble() -> None:
            for _ in range(2):
                await asyncio.sleep(0.4)
                await asyncio.to_thread(both.redis.kill)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(both.redis.start)

        async def all_of_it() -> dict[str, int]:
            outcomes, _ = await asyncio.gather(both.burst("one", CALLS, max_retries=40), trouble())
            return outcomes

        outcomes = asyncio.run(all_of_it())
        both.upstream.faults.rules.clear()
        assert outcomes == {OK: FIT, "insufficient_quota": CALLS - FIT}
        finish(both, "one", FIT)
        for stage in both.stages:
            assert stage.gateway.log.count("is back") >= 2, "Redis was not missed"


def test_all_are_restarted(tmp_path: Path) -> None:
    """Servers and an empty Redis begin anew in the middle of the month: nothing is forgotten."""
    with running(OpenAISimulator()) as upstream:
        with pair(tmp_path, upstream=upstream) as before:
            with_budget(before, "one")
            outcomes = asyncio.run(before.burst("one", 40, max_retries=40))
            assert outcomes == {OK: 40}
        with pair(tmp_path, upstream=upstream, before=before) as both:
            assert both.told("one") == [(40 * COST, Decimal(0))] * 2
            finish(both, "one", 40)
