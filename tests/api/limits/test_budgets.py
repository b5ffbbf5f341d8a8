"""Budgets under bursts of calls: never passed, and spent to their last affordable request."""

import asyncio
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.api.asking import within
from tests.api.gateway import run
from tests.api.limits.bursts import OK, burst, odd_burst, until_done
from tests.api.limits.stage import CHAT, TOKEN, Stage

CALLS, FIT = 500, 100
MOST = 8
BOUND = MOST * TOKEN
BUDGETS = {"cost_total": "key", "cost_per_month": "project"}


def budget(used: int) -> Decimal:
    """Into it exactly as many calls fit: the last one needs room for its bound, not its cost.

    What is left then, a bound less one token at most, is too little for another.
    """
    return (FIT - 1) * used * TOKEN + BOUND


ODD: dict[str, dict[str, Any]] = {
    "leave": {"chunk_interval_ms": 1000},
    "fail": {"kind": "status", "status": 500},
    "refuse": {"kind": "status", "status": 400},
}
USED = {"once": 4, "retried": 6}
"""Tokens that come back."""


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    """Keys with a budget, and pairs of keys whose projects have one."""
    rights: dict[str, dict[str, object]] = {"spent": {"limits": {"cost_total": float(4 * TOKEN)}}}
    for name, used in USED.items():
        most = float(budget(used))
        rights[f"{name}-key"] = {"limits": {"cost_total": most}}
        of_project = {"project": f"{name}-shared", "project_limits": {"cost_per_month": most}}
        rights[f"{name}-project"] = dict(of_project)
        rights[f"{name}-project-too"] = dict(of_project)
    rights["odd"] = {"limits": {"cost_total": float(budget(4))}}
    whole_stage.hand_out(**rights)


class Watch:
    """Looks, during a burst, whether a budget is passed anywhere."""

    def __init__(self, stage: Stage, kind: str, field: str) -> None:
        scope = BUDGETS[field]
        self.stage = stage
        self.names = [name for name in stage.keys if name.startswith(f"{kind}-{scope}")]
        self.limit = f"{scope} {field}"
        self.used = USED[kind]
        self.cost = self.used * TOKEN
        self.budget = budget(self.used)
        self.looks = 0
        holder = stage.keys[self.names[0]]
        self.whose = {"key": holder.id} if scope == "key" else {"project": holder.project}

    def __call__(self) -> None:
        """Look once: at what limits count, at the ledger, and at what the provider has served."""
        used, held = self.told()
        assert used + held <= self.budget
        assert Decimal(self.stage.ledger(**self.whose)["cost"]) <= self.budget
        assert self.served * self.cost <= self.budget
        self.looks += 1

    def told(self) -> tuple[Decimal, Decimal]:
        """What is used and held of the budget."""
        return self.stage.told(self.names[0], self.limit)

    @property
    def served(self) -> int:
        """How many calls the provider has seen."""
        return len(self.stage.upstream.requests)

    async def burst(self, calls: int, max_retries: int) -> Counter[str]:
        """Call, and look all the while."""
        how = {"max_retries": max_retries, "timeout": 60}
        clients = [self.stage.async_client(name, **how) for name in self.names]
        work = burst(clients, calls, used=self.used, most=MOST)
        return await until_done(asyncio.create_task(work), self)


@pytest.mark.parametrize("field", BUDGETS)
@pytest.mark.asyncio
async def test_500_at_once_without_retries(stage: Stage, field: str) -> None:
    """What is refused is told apart: held by others, or spent. What is left can be spent after."""
    stage.upstream.fail_next("timing", times=None, delay_ms=60)
    watch = Watch(stage, "once", field)
    outcomes = await watch.burst(CALLS, 0)

    assert set(outcomes) <= {OK, "budget_reserved", "insufficient_quota"}
    assert outcomes.total() == CALLS
    assert watch.budget // BOUND <= outcomes[OK] <= FIT
    assert outcomes["budget_reserved"] > 0
    assert watch.looks > 1
    assert watch.served == outcomes[OK]
    assert watch.told() == (watch.served * watch.cost, 0)

    stage.upstream.faults.rules.clear()
    for _ in range(FIT - outcomes[OK]):
        assert stage.chat(watch.names[-1], "counted", watch.used, MOST).status == 200
    refusal = stage.chat(watch.names[-1], "counted", watch.used, MOST)
    assert (refusal.status, refusal.error["code"]) == (429, "insufficient_quota")
    assert watch.served == FIT
    stage.spent(FIT * watch.cost, FIT, **watch.whose)
    assert watch.told() == (FIT * watch.cost, 0)


@pytest.mark.parametrize(("field", "calls"), [("cost_total", CALLS), ("cost_per_month", 150)])
@pytest.mark.asyncio
async def test_bursts_with_the_sdks_own_retries(stage: Stage, field: str, calls: int) -> None:
    """They come again for what was held, until exactly as many as fit were served."""
    stage.upstream.fail_next("timing", times=None, delay_ms=20)
    watch = Watch(stage, "retried", field)
    outcomes = await watch.burst(calls, 40)

    assert outcomes == {OK: FIT, "insufficient_quota": calls - FIT}
    assert watch.served == FIT
    assert watch.looks > 1
    stage.spent(FIT * watch.cost, FIT, **watch.whose)


@pytest.mark.asyncio
async def test_a_burst_that_ends_in_every_way(stage: Stage) -> None:
    """What fails and is refused is given back, who leaves is charged, and no more than there is."""
    for kind, fault in ODD.items():
        stage.upstream.fail_next(times=None, contains=f"{kind}: ", **fault)
    kinds = ["plain", "stay", *ODD] * 50
    outcomes = await odd_burst(stage, "odd", kinds, used=4, most=MOST)
    refused = {"budget_reserved", "insufficient_quota"}
    ends = {"plain": OK, "stay": OK, "leave": OK, "fail": "502", "refuse": "400"}
    for kind, end in ends.items():
        assert {was for each, was in outcomes if each == kind} <= {end, *refused}
        assert outcomes[kind, end] > 0, f"{outcomes}: too little for every kind"

    def ended() -> bool:
        return stage.told("odd", "key cost_total")[1] == 0

    assert within(10, ended)
    served = len(stage.upstream.requests)
    rows = stage.rows("odd", served)
    by_end = Counter(row["outcome"] for row in rows)
    assert by_end["failed"] == outcomes["fail", "502"]
    assert by_end["refused"] == outcomes["refuse", "400"]
    assert by_end["aborted"] > 0
    assert by_end["aborted"] + by_end["finished"] == served - by_end["failed"] - by_end["refused"]
    assert all(Decimal(row["cost"]) == 0 for row in rows if not row["counted"])
    cost = sum(Decimal(row["cost"]) for row in rows)
    assert stage.told("odd", "key cost_total") == (cost, 0)
    assert cost <= budget(4)

    stage.upstream.faults.rules.clear()
    fit = int((budget(4) - BOUND - cost) // (4 * TOKEN)) + 1
    answers = [stage.chat("odd", "counted", 4, MOST).status for _ in range(fit + 1)]
    assert answers == [200] * fit + [429]
    key = ("usage", "--key", stage.keys["odd"].id, "--by", "key", "--format", "jsonl")
    within(5, lambda: stage.ledger(key=stage.keys["odd"].id)["requests"] == served + fit)
    [line] = run(stage.gateway.environment, *key).splitlines()
    assert Decimal(json.loads(line)["cost"]) == cost + fit * 4 * TOKEN <= budget(4)


def test_a_spent_budget_is_refused_once(stage: Stage) -> None:
    """The SDK raises its RateLimitError after one request, however often it may retry."""
    assert stage.chat("spent", "counted", 4, 4).status == 200
    before = stage.requests_in_log(f" 429 POST {CHAT}")
    with stage.client("spent", max_retries=5) as client, pytest.raises(openai.RateLimitError) as at:
        client.chat.completions.create(
            model="counted", messages=[{"role": "user", "content": "hello"}], max_tokens=1
        )
    assert at.value.code == "insufficient_quota"
    assert at.value.type == "insufficient_quota"
    assert at.value.param is None
    assert at.value.response.headers["x-should-retry"] == "false"
    assert stage.requests_in_log(f" 429 POST {CHAT}") == before + 1
    assert len(stage.upstream.requests) == 1
