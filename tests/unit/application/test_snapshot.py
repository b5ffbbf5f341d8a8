"""The index of a snapshot: changed in part, it is what it would be if made anew."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import EMPTY, Snapshot
from tests.fakes.upstream import deployment

IDS = tuple("abcde")
CODES = ("one", "two")
EVERY = {(id_, code): deployment(id=id_, code=code) for id_ in IDS for code in CODES}
STATES = st.dictionaries(st.sampled_from(IDS), st.sampled_from(CODES))


def _deployments(state: Mapping[str, str]) -> tuple[Deployment, ...]:
    return tuple(EVERY[pair] for pair in state.items())


@given(before=STATES, after=STATES)
def test_a_changed_index_is_that_of_all(
    before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Whatever came, went or got another code: groups are whole and in the order of the store."""
    changed = {id_ for id_ in IDS if before.get(id_) != after.get(id_)}
    kept = {id_: code for id_, code in before.items() if id_ in after}
    then = _deployments({**kept, **after})
    index = EMPTY.renewed(_deployments(before), (), _deployments(before)).renewed(
        then,
        _deployments({id_: before[id_] for id_ in before if id_ in changed}),
        _deployments({id_: after[id_] for id_ in after if id_ in changed}),
    )

    anew = Snapshot(then)
    assert index.by_code == anew.by_code
    assert index.by_id == anew.by_id


def test_one_of_a_group_that_changes_keeps_its_place() -> None:
    """Deployments follow one another in the order of the store, not of their changes."""
    first, second, third = (deployment(id=id_, code="one") for id_ in "abc")
    other = deployment(id="a", code="one", name="Changed")
    index = EMPTY.renewed((first, second, third), (), (first, second, third))

    renewed = index.renewed((other, second, third), (first,), (other,))

    assert renewed.by_code["one"] == (other, second, third)
    assert index.by_code["one"] == (first, second, third)


def test_a_snapshot_takes_the_index_that_is_there() -> None:
    """It is not made twice."""
    made = deployment()
    index = EMPTY.renewed((made,), (), (made,))
    snapshot = Snapshot((made,), index=index)
    assert snapshot.by_code is index.by_code
    assert snapshot.by_id is index.by_id
