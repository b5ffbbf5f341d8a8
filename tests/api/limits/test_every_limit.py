"""Each limit of each scope: two calls fit, the third is told which limit it is."""

import pytest

from tests.api.asking import Answer
from tests.api.limits.rules import FIELDS, MOST, USED, Told, limit_of_two
from tests.api.limits.stage import Stage

SCOPES = ("key", "project", "model", "deployment")


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    """A key for each limit of a key and of a project, and one without any."""
    rights: dict[str, dict[str, object]] = {"free": {}}
    for field in FIELDS:
        limits = limit_of_two(field, "counted")
        rights[f"key-{field}"] = {"limits": limits}
        rights[f"project-{field}"] = {"project_limits": limits}
    whole_stage.hand_out(**rights)


def call(stage: Stage, scope: str, field: str) -> Answer:
    """A call that this limit counts."""
    if scope in {"key", "project"}:
        return stage.chat(f"{scope}-{field}", "counted", USED, MOST)
    return stage.chat("free", f"{scope}-{field}", USED, MOST)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("scope", SCOPES)
def test_two_fit_and_the_third_is_told(stage: Stage, scope: str, field: str) -> None:
    """It names the limit and its scope, and says when to come again; the provider sees two."""
    answers = [call(stage, scope, field) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429], answers[-1].body
    assert len(stage.upstream.requests) == 2

    model = "counted" if scope in {"key", "project"} else f"{scope}-{field}"
    name = f"{scope}-{field}"
    if scope == "key":
        name = stage.keys[name].id
    Told(scope, name, field, model).check(answers[-1])
