"""`explain` shows the limits that apply, how they stand, and the very refusal that would come."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.limits.stage import Stage, counting

USED, MOST = 4, 8
NANO_TOKEN = 1_000_000
"""What a token of an answer costs here, in billionths of a dollar."""
CASES = {
    "rate": {"requests_per_minute": 1},
    "budget": {"cost_total": 0.01},
    "reserved": {"cost_per_month": 0.012},
    "large": {"cost_per_month": 0.001},
    "many": {"concurrent_requests": 1},
}


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    rights: dict[str, dict[str, object]] = {
        f"explained-{name}": {"limits": limits} for name, limits in CASES.items()
    }
    rights["explained"] = {
        "limits": {"requests_per_minute": 5, "cost_total": 1, "concurrent_requests": 4},
        "project_limits": {"tokens_per_day": 5000},
    }
    whole_stage.hand_out(**rights)


def explained(stage: Stage, name: str, model: str = "counted") -> dict[str, Any]:
    """What would become of a call."""
    asked = {"body": counting(model, USED, MOST), "as": {"key_id": stage.keys[name].id}}
    told: dict[str, Any] = stage.admin.done("POST", "/admin/explain", asked)
    return told


def without_times(error: dict[str, Any]) -> dict[str, Any]:
    """An error without the time that passes between two looks."""
    words = re.sub(r"again in [\dhms.]+\. The", "again in …. The", error["message"])
    return error | {"message": words}


def test_every_limit_is_shown(stage: Stage) -> None:
    """Those of the key, its project and the model, with what is used and held of each."""
    assert stage.chat("explained", "shared-explained", USED, MOST).status == 200
    told = explained(stage, "explained", "shared-explained")
    assert told["refused"] is None
    holder = stage.keys["explained"]
    shown = {(each["scope"], each["setting"]): each for each in told["limits"]}
    found = {place: (each["used"], each["held"], each["most"]) for place, each in shown.items()}
    del found["worker", "MAX_CONCURRENT_REQUESTS"]
    assert found == {
        (f"key {holder.id}", "requests_per_minute"): (1, 0, 5),
        (f"key {holder.id}", "cost_total"): (USED * NANO_TOKEN, 0, 10**9),
        (f"key {holder.id}", "concurrent_requests"): (0, 0, 4),
        ("project explained", "tokens_per_day"): (9 + USED, 0, 5000),
        ("model shared-explained", "requests_per_day"): (1, 0, 3),
        ("deployment shared-explained", "requests_per_month"): (1, 0, 9),
    }
    assert shown[f"key {holder.id}", "cost_total"]["currency"] == "USD"
    assert shown[f"key {holder.id}", "cost_total"]["reset_s"] is None
    assert 50 < shown[f"key {holder.id}", "requests_per_minute"]["reset_s"] <= 62


@pytest.mark.parametrize("case", CASES)
def test_the_refusal_is_the_one_that_comes(stage: Stage, case: str) -> None:
    """Word by word; and nothing is counted for having asked."""
    name = f"explained-{case}"
    if case in {"reserved", "many"}:
        stage.upstream.fail_next("timing", delay_ms=700)
    with ThreadPoolExecutor() as pool:
        if case != "large":
            assert explained(stage, name)["refused"] is None
            running = pool.submit(stage.chat, name, "counted", USED, MOST)
            if case in {"reserved", "many"}:
                assert within(5, lambda: len(stage.upstream.requests) == 1)
            else:
                assert running.result().status == 200
        before = len(stage.upstream.requests)
        told = explained(stage, name)
        refusal = stage.chat(name, "counted", USED, MOST)
        assert refusal.status == 429
        assert told["served_by"] is None
        assert (told["refused"]["by"], told["refused"]["status"]) == ("limit", 429)
        assert without_times(told["refused"]["error"]) == without_times(refusal.error)
        assert len(stage.upstream.requests) == before


def test_deployments(stage: Stage) -> None:
    """One that is full does not serve; when all are, its limit is what refuses."""
    model = "explained-pair"
    assert explained(stage, "explained", model)["refused"] is None
    seen = set()
    for _ in range(2):
        served_by = explained(stage, "explained", model)["served_by"]
        answer = stage.chat("explained", model, USED, MOST)
        assert answer.headers["x-llmproxy-deployment"] == served_by
        seen.add(served_by)
    assert seen == {"explained-pair-0", "explained-pair-1"}
    told = explained(stage, "explained", model)
    assert told["served_by"] is None
    refusal = stage.chat("explained", model, USED, MOST)
    assert without_times(told["refused"]["error"]) == without_times(refusal.error)
    assert "at its deployment `explained-pair-" in refusal.error["message"]
