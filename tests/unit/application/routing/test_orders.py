"""Whatever the documents say and whoever is unwell: an order has everybody once, the well first."""

from itertools import groupby

import hypothesis.strategies as st
from hypothesis import given

from llmproxy.application.routing.ward import State
from llmproxy.domain.routing import Strategy
from tests.unit.application.routing.fleets import Stage, ids, plan_of

DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.integers(0, 2),
        "weight": st.sampled_from([0.5, 1, 1, 1, 2, 3, 700]),
        "provisioned": st.sampled_from([True]),
    },
)
HAPPENED = st.sampled_from(["well", "well", "open", "rest", "full", "half", "begun"])


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    """A fleet of up to seven deployments, to each of which something has happened."""
    documents = draw(st.lists(DOCUMENT, min_size=1, max_size=7))
    documents[0]["routing"] = {"strategy": draw(st.sampled_from(list(Strategy))).value}
    stage = Stage(plan_of(**{f"d{number}": each for number, each in enumerate(documents)}))
    happened = [draw(HAPPENED) for _ in documents]
    for number, what in enumerate(happened):
        if what == "half":
            stage.fail(f"d{number}")
    stage.clock.advance(6)
    for number, what in enumerate(happened):
        happens(stage, f"d{number}", what)
    return stage


def happens(stage: Stage, name: str, what: str) -> None:
    """Let one thing happen to a deployment."""
    if what == "open":
        stage.fail(name)
    elif what == "rest":
        stage.limit(name, 30)
    elif what == "full":
        stage.fleet.health(stage.at(name)).load(97)
    elif what == "begun":
        stage.answer(name, 0.5 + len(name))
        stage.fleet.health(stage.at(name)).began()


@given(stages(), st.lists(st.sampled_from(["", '"a"', '"b"']), min_size=1, max_size=12))
def test_everybody_once_the_well_first(stage: Stage, keys: list[str]) -> None:
    """And each half by priority, the first by the states that are well, the last by the others."""
    now = stage.clock.monotonic()
    for key in keys:
        call = stage.call(**{"prompt_cache_key": key} if key else {})
        assert stage.looked(call).well <= len(stage.plan)
        plan, well = stage.ordered(call)
        assert sorted(ids(plan)) == sorted(ids(stage.plan))
        priorities = [each.model.priority for each in plan[:well]]
        assert priorities == sorted(priorities)
        states = [stage.fleet.health(each).state(now) for each in plan]
        assert not {State.OPEN, State.RESTING} & set(states[:well])
        assert not {State.CLOSED} & set(states[well:])
        for _, group in groupby(zip(plan[well:], states[well:], strict=True), lambda each: each[1]):
            behind = [each.model.priority for each, _ in group]
            assert behind == sorted(behind)


@given(stages(), st.integers(0, 99))
def test_calls_that_belong_together_keep_their_order(stage: Stage, number: int) -> None:
    """Who becomes unwell leaves the order, and the others stay in theirs."""
    key = f'"{number}"'
    before, well = stage.looked(stage.call(prompt_cache_key=key))
    if not well:
        return
    gone = before[0].model.id
    stage.limit(gone, 60)
    after, still = stage.looked(stage.call(prompt_cache_key=key))
    assert [each for each in ids(before[:well]) if each != gone] == list(ids(after[:still]))
