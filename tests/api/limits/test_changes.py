"""Limits that are changed while the server runs: at once, and without forgetting what was used."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.api.admin.administrator import TAKES_EFFECT_S
from tests.api.asking import within
from tests.api.limits.stage import TOKEN, Stage, counting
from tests.api.raw import connected, post

COST = 4 * TOKEN


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    whole_stage.hand_out(
        changing={"limits": {"requests_per_day": 3}},
        later={"project": "late"},
        flying={},
        early={},
        rotated={"limits": {"requests_total": 2}},
        modelled={},
        moving={"limits": {"cost_total": 1}},
    )


def change(stage: Stage, path: str, limits: object, seen: Callable[[], bool]) -> None:
    """Change limits, and wait until they hold."""
    stage.admin.done("PATCH", path, {"limits": limits})
    assert within(TAKES_EFFECT_S, seen)


def most(stage: Stage, name: str, limit: str) -> object:
    """What a key is told that its limit is."""
    return stage.limits(name).get(limit, {}).get("most")


def test_raised_lowered_removed(stage: Stage) -> None:
    """What was used stays used."""
    path = f"/admin/keys/{stage.keys['changing'].id}"
    limit = "key requests_per_day"

    def statuses(calls: int) -> list[int]:
        return [stage.chat("changing", "counted").status for _ in range(calls)]

    assert statuses(4) == [200, 200, 200, 429]
    change(stage, path, {"requests_per_day": 5}, lambda: most(stage, "changing", limit) == 5)
    assert statuses(3) == [200, 200, 429]
    change(stage, path, {"requests_per_day": 1}, lambda: most(stage, "changing", limit) == 1)
    assert stage.told("changing", limit) == (5, 0)
    refusal = stage.chat("changing", "counted")
    assert "Limit 1, Used 5, Requested 1." in refusal.error["message"]
    change(stage, path, None, lambda: limit not in stage.limits("changing"))
    assert statuses(2) == [200, 200]
    change(stage, path, {"requests_per_day": 8}, lambda: most(stage, "changing", limit) == 8)
    assert stage.told("changing", limit) == (7, 0)
    assert statuses(2) == [200, 429]


def test_a_budget_in_the_middle_of_the_month(stage: Stage) -> None:
    """It counts what was spent before there was any, carried to the ledger or not."""
    for _ in range(5):
        assert stage.chat("later", "counted").status == 200
    stage.spent(5 * COST, 5, project="late")
    for _ in range(2):
        assert stage.chat("later", "counted").status == 200
    budget = {"cost_per_month": float(10 * COST), "requests_total": 100}
    change(
        stage,
        "/admin/projects/late",
        budget,
        lambda: "project cost_per_month" in stage.limits("later"),
    )
    assert stage.told("later", "project cost_per_month") == (7 * COST, 0)
    assert stage.told("later", "project requests_total") == (7, 0)
    assert [stage.chat("later", "counted").status for _ in range(3)] == [200, 200, 429]
    stage.spent(9 * COST, 9, project="late")


def test_calls_in_flight_while_a_limit_is_made(stage: Stage) -> None:
    """They were let in without it, and count in it when they end."""
    stage.upstream.fail_next("timing", times=2, delay_ms=2500)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(stage.chat, "flying", "counted") for _ in range(2)]
        assert within(5, lambda: len(stage.upstream.requests) == 2)
        assert stage.chat("flying", "counted").status == 200
        change(
            stage,
            f"/admin/keys/{stage.keys['flying'].id}",
            {"requests_per_minute": 10, "cost_total": 1},
            lambda: "key cost_total" in stage.limits("flying"),
        )
        assert not any(each.done() for each in running)
        assert stage.told("flying", "key cost_total")[0] == COST
        assert [each.result().status for each in running] == [200, 200]
    assert stage.told("flying", "key cost_total") == (3 * COST, 0)
    assert stage.told("flying", "key requests_per_minute") == (3, 0)


def test_a_call_that_began_before(stage: Stage) -> None:
    """Its key was looked at before there was a limit; those that come after it are limited."""
    body = json.dumps(counting("counted", 4, 8)).encode()
    key = b"authorization: Bearer " + stage.keys["early"].key.encode()
    request = post(body, key)
    with connected(stage.gateway.url) as wire:
        wire.send(request[:-20])
        stage.admin.done(
            "PATCH", f"/admin/keys/{stage.keys['early'].id}", {"limits": {"requests_total": 2}}
        )
        assert within(TAKES_EFFECT_S, lambda: "key requests_total" in stage.limits("early"))
        wire.send(request[-20:])
        assert wire.answer().status == 200
    assert [stage.chat("early", "counted").status for _ in range(2)] == [200, 429]


def test_limits_of_a_model(stage: Stage) -> None:
    """They come and go with its document."""
    for _ in range(3):
        assert stage.chat("modelled", "growing").status == 200
    path = "/admin/models/growing"
    stage.admin.done("PATCH", path, {"model_limits": {"requests_per_month": 4}})
    assert within(
        TAKES_EFFECT_S, lambda: "model growing requests_per_month" in stage.limits("modelled")
    )
    assert [stage.chat("modelled", "growing").status for _ in range(2)] == [200, 429]
    stage.admin.done("PATCH", path, {"model_limits": None})
    assert within(TAKES_EFFECT_S, lambda: stage.chat("modelled", "growing").status == 200)


def test_another_currency(stage: Stage) -> None:
    """The budget then counts what the ledger has in that one."""
    path = f"/admin/keys/{stage.keys['moving'].id}"
    assert stage.chat("moving", "counted").status == 200
    stage.spent(COST, 1, key=stage.keys["moving"].id)
    change(
        stage,
        path,
        {"cost_total": 1, "currency": "BRL"},
        lambda: stage.limits("moving")["key cost_total"]["currency"] == "BRL",
    )
    assert stage.told("moving", "key cost_total") == (0, 0)
    answer = stage.chat("moving", "per-1k")
    reais = Decimal(answer.headers["x-llmproxy-cost"])
    assert reais > 0
    assert stage.told("moving", "key cost_total") == (reais, 0)
    change(
        stage,
        path,
        {"currency": "USD"},
        lambda: stage.limits("moving")["key cost_total"]["currency"] == "USD",
    )
    assert stage.told("moving", "key cost_total") == (COST, 0)


def test_a_rotated_key_has_used_nothing(stage: Stage) -> None:
    """It is another key with the same limits."""
    assert [stage.chat("rotated", "counted").status for _ in range(3)] == [200, 200, 429]
    made = stage.admin.done("POST", f"/admin/keys/{stage.keys['rotated'].id}/rotate", {})
    asking = stage.admin.with_key(made["key"])
    assert within(TAKES_EFFECT_S, lambda: asking.ask("GET", "/v1/usage").status == 200)
    told = json.loads(asking.ask("GET", "/v1/usage").body)["limits"]
    [limit] = [each for each in told if each["scope"] == "key"]
    assert (limit["limit"], limit["most"], limit["used"]) == ("requests_total", 2, 0)
