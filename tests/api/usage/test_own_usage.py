"""`GET /v1/usage`: each key sees its own, and what is left to it."""

import time
from pathlib import Path

import pytest

from tests.api.admin.administrator import HELLO, TAKES_EFFECT_S
from tests.api.asking import ask, within
from tests.api.documents import document
from tests.api.gateway import run, serving
from tests.api.usage.world import CARRIED_S, World, expected, told


@pytest.mark.parametrize("name", ["alpha-1", "alpha-2", "beta-1"])
def test_a_key_sees_its_own_calls_only(world: World, name: str) -> None:
    """By model; all were made this month and ever, and nothing of anybody else is there."""
    key_id, key = world.keys[name]
    own = [each for each in world.made if each.key == key_id]
    seen = world.admin.with_key(key).done("GET", "/v1/usage")
    assert (seen["key"], seen["project"]) == (key_id, name.partition("-")[0])
    assert told(seen["month"]["totals"]) == expected(own)
    for model in {each.model for each in own}:
        rows = [each for each in seen["month"]["data"] if each["model"] == model]
        assert told(rows) == expected([each for each in own if each.model == model])
    others = {each.key for each in world.made} - {key_id}
    assert not any(other in str(seen) for other in others)
    assert seen["limits"] == []


def test_the_admin_key_sees_its_own_too(world: World) -> None:
    """Which is nothing: it made no call."""
    seen = world.admin.done("GET", "/v1/usage")
    assert seen["month"]["data"] == []


def test_what_is_left(world: World) -> None:
    """Of the limits of a key, its project and a model of its, after a call; told to nobody else."""
    limits = {"requests_per_day": 5, "cost_per_month": 1.5, "currency": "USD"}
    key_id, key = world.admin.new_key(project="gamma", limits=limits)
    world.admin.done("PUT", "/admin/projects/gamma", {"limits": {"tokens_per_minute": 100_000}})
    asking = world.admin.with_key(key)
    assert within(TAKES_EFFECT_S, lambda: world.admin.status(key) == 200)
    assert within(TAKES_EFFECT_S, lambda: len(asking.done("GET", "/v1/usage")["limits"]) == 4)
    world.keys["gamma-1"] = (key_id, key)
    made = world.call("gamma-1", "mini", "what does this leave")
    now = time.time()
    left = {each["limit"]: each for each in asking.done("GET", "/v1/usage")["limits"]}
    requests, cost = left["requests_per_day"], left["cost_per_month"]
    assert (requests["scope"], requests["name"]) == ("key", key_id)
    assert (requests["most"], requests["used"], requests["left"]) == (5, 1, 4)
    assert now < requests["resets_at"] <= now + 86_400 + 900
    assert cost["currency"] == "USD"
    spent = round(float(cost["used"]) * 10**9)
    assert spent == made.cost_nano
    assert round((float(cost["most"]) - float(cost["left"])) * 10**9) == spent
    tokens = left["tokens_per_minute"]
    assert (tokens["scope"], tokens["name"]) == ("project", "gamma")
    assert tokens["used"] == made.into + made.out
    assert tokens["left"] == 100_000 - tokens["used"]
    [shared] = [each for each in left.values() if each["scope"] == "model"]
    assert (shared["name"], shared["most"], shared["left"]) == ("capped", 50, 50)
    assert (shared["used"], shared["held"]) == (None, None)
    for other in ("alpha-1", "beta-1"):
        seen = world.admin.with_key(world.keys[other][1]).done("GET", "/v1/usage")
        assert seen["limits"] == []
    assert within(CARRIED_S, world.carried)


def test_without_a_key(tmp_path: Path) -> None:
    """Where none is needed, the calls for the project that is named are told."""
    with serving(tmp_path, [document("parrot", "Local", "Echo")]) as gateway:
        for project in ("blue", "blue", "red"):
            answer = ask(
                gateway.url,
                "/v1/chat/completions",
                method="POST",
                headers={"x-project-id": project},
                body={"model": "parrot", "messages": HELLO},
            )
            assert answer.status == 200

        def seen(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            own = ask(gateway.url, "/v1/usage", headers=named).json
            assert own["key"] is None
            return sum(each["requests"] for each in own["month"]["totals"])

        assert within(CARRIED_S, lambda: seen(x_project_id="blue") == 2)
        assert (seen(x_project_id="red"), seen(x_project_id="green"), seen()) == (1, 0, 0)
        run(gateway.environment, "keys", "create", "--project", "alpha")
        assert within(TAKES_EFFECT_S, lambda: ask(gateway.url, "/v1/usage").status == 401)
