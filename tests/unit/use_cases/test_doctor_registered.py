"""What a doctor finds in a registry: models, limits, prices, and names that requests use."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.doctor.findings import Finding
from llmproxy.application.use_cases.doctor.registered import (
    look_at_limits,
    look_at_models,
    look_for,
)
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.document import parse_model
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.domain.project import parse_project
from tests.fakes.documents import document

BUDGET = Limits((Rule(Measure.COST, Window.MONTH, 10**9),))
REQUESTS = Limits((Rule(Measure.REQUESTS, Window.DAY, 10),), currency="EUR")
WAITING = {"model": "m", "endpoint": "MY_ENDPOINT"}


def deployment(not_ready: str | None = None, **changes: object) -> Deployment:
    """One of a document with these changes."""
    return Deployment(parse_model(document(**changes)).model, None, None, not_ready)


def caller(number: int, **changes: object) -> Caller:
    """The holder of a key with this number."""
    made = Caller(f"key_{number}", "alpha", None, admin=False, expires_at=None)
    return replace(made, **changes)  # type: ignore[arg-type]


def snapshot(*deployments: Deployment, callers: Sequence[Caller] = ()) -> Snapshot:
    """A registry with these."""
    return Snapshot(deployments, {key_digest(each.key_id.encode()): each for each in callers})


def said(found: Sequence[Finding]) -> list[tuple[str, str]]:
    """Levels and first sentences."""
    return [(each.level.value, each.what) for each in found]


def test_models_that_cannot_serve_are_told_by_reason() -> None:
    """A secret that a hundred models lack is one problem, with the place where it belongs."""
    lacking = "MY_KEY is not set"
    models = [
        deployment(lacking, id=name, parameters={"model": "m", "secret_name": "MY_KEY"})
        for name in ("a", "b")
    ]
    found = look_at_models(snapshot(*models, deployment(id="c")))
    assert said(found) == [
        ("problem", "not ready: a, b: MY_KEY is not set"),
        ("ok", "ready models: 1"),
    ]
    assert "set MY_KEY in the environment" in found[0].todo


def test_bad_documents_and_none() -> None:
    """A document that is left out is a problem; a registry without any is not finished."""
    left_out = Snapshot(problems={"odd": "operations: is required"})
    assert said(look_at_models(left_out))[0][0] == "problem"
    assert said(look_at_models(snapshot())) == [("warning", "there are no models")]


def test_limits_that_nobody_counts() -> None:
    """Several workers without Redis and a limit are a problem; without a limit they are none."""
    limited = snapshot(deployment(), callers=[caller(1, limits=BUDGET)])
    many = "another worker serves"
    assert said(look_at_limits(limited, many)) == [
        ("problem", "calls that have limits (key key_1) are refused: another worker serves")
    ]
    assert said(look_at_limits(limited, None))[0][0] == "ok"
    assert look_at_limits(snapshot(deployment()), many)[0].level.value == "ok"


def test_prices_that_are_missing() -> None:
    """A model without a price is refused at each call; one that says it is free is not."""
    found = look_at_limits(
        snapshot(deployment(costs={}), deployment(id="b", costs={}, free=True)), None
    )
    assert said(found) == [
        ("warning", "models without a price are refused (402 price_missing): gpt-mini")
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (BUDGET, []),
        (replace(BUDGET, currency="EUR"), ["warning"]),
        (REQUESTS, []),
    ],
)
def test_budgets_in_another_currency(limits: Limits, expected: list[str]) -> None:
    """A budget in euros refuses what is priced in dollars; a limit of requests has no currency."""
    found = look_at_limits(snapshot(deployment(), callers=[caller(1, limits=limits)]), None)
    assert [level for level, _ in said(found) if level != "ok"] == expected


def test_keys_without_limits() -> None:
    """They are told while something costs money; administrators and limited projects are not."""
    callers = [
        caller(1),
        caller(2, admin=True),
        caller(3, project_limits=BUDGET),
        caller(4, limits=BUDGET),
    ]
    found = look_at_limits(snapshot(deployment(), callers=callers), None)
    assert said(found) == [
        ("warning", "keys without any limit, of their own or of their project: key_1")
    ]
    free = deployment(costs={}, free=True)
    assert look_at_limits(snapshot(free, callers=[caller(1)]), None)[0].level.value == "ok"


def test_a_model_that_is_not_found() -> None:
    """The case `model_not_found`: what is near is named, and how to register it."""
    [found] = look_for("min", snapshot(deployment()))
    assert (found.level.value, "404" in found.what) == ("problem", True)
    assert found.todo.startswith("ask for one of mini, or register it")


def test_a_model_that_is_found() -> None:
    """By code or by id, with what it is served for."""
    for name in ("mini", "gpt-mini"):
        found = look_for(name, snapshot(deployment()))
        assert said(found) == [("ok", f"{name} is served by 1 deployments, for ChatCompletion")]


def test_a_model_that_is_left_out_or_not_ready() -> None:
    """It is registered, and still requests do not find it, or fail."""
    left_out = Snapshot(problems={"odd": "operations: is required"})
    assert "left out" in look_for("odd", left_out)[0].what
    [found] = look_for("mini", snapshot(deployment("MY_KEY is not set")))
    assert (found.level.value, "no deployment of mini is ready") == ("problem", found.what)


@pytest.mark.parametrize(("projects", "level"), [(["alpha"], "warning"), (["beta"], "problem")])
def test_a_private_model(projects: list[str], level: str) -> None:
    """Only keys of its projects find it: a problem where there is no such key."""
    private = deployment(private=True, projects=projects)
    found = look_for("mini", snapshot(private, callers=[caller(1)]))
    assert said(found)[0][0] == level
    assert projects[0] in found[0].what


def test_what_a_model_waits_for() -> None:
    """A variable is set and the gateway restarted; what is not known sends to the page."""
    variable = deployment("the variable it names is not set", parameters=WAITING)
    unknown = deployment("no such thing", id="b")
    found = look_at_models(snapshot(variable, unknown))
    assert "set the variable" in found[0].todo
    assert "docs/model-documents.md" in found[1].todo
    assert len(found) == 2


def test_limits_of_projects_and_models_count_too() -> None:
    """Whatever is limited is refused while nobody counts."""
    limited = deployment(limits={"requests_per_minute": 5})
    project = parse_project({"id": "alpha", "limits": {"requests_per_day": 5}})
    whole = Snapshot((limited,), projects={"alpha": project})
    [found] = look_at_limits(whole, "REPLICAS=many")
    assert "(project alpha, model gpt-mini)" in found.what
