"""What holds of a plan whatever is asked, and that nothing else is taken to hold."""

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.steps.bound import bound_of
from llmproxy.application.steps.plan_facts import MAX_KNOWN, PlanFacts
from llmproxy.domain.operation import Operation
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import FakeProvider, call, deployment

CHAT = Operation.CHAT_COMPLETION
DEAR = {"input": 0.1, "output": 0.2}


def made(**changes: object) -> Deployment:
    """A deployment that is ready, unless `not_ready` says otherwise."""
    not_ready = changes.pop("not_ready", None)
    assert not_ready is None or isinstance(not_ready, str)
    return deployment(FakeProvider(FakeClock()), not_ready, **changes)


def test_who_can_serve_anything() -> None:
    """Who is not ready or has no price is left out for good; who takes no tools, call by call."""
    good = made()
    plan, snapshot, known = (good,), Snapshot((good,)), PlanFacts()
    assert known.of(plan, CHAT, snapshot).sure is plan
    for bad in (made(not_ready="no secret"), made(costs=None)):
        facts = known.of((good, bad), CHAT, snapshot)
        assert facts.sure == facts.distinct == (good,)
        assert known.find(facts.sure, CHAT) is facts
        assert known.of((bad,), CHAT, snapshot).sure is None
    picky = made(parameters={"enable_tools": False})
    assert known.of((good, picky), CHAT, snapshot).sure is None


def test_the_bound_is_the_same() -> None:
    """Looked for among those that differ in price or in the length of answers."""
    parameters = {"model": "m", "max_output_tokens": 9_000}
    plan = (made(), made(), made(costs=DEAR), made(costs=DEAR), made(parameters=parameters))
    facts = PlanFacts().of(plan, CHAT, Snapshot(plan))
    assert facts.distinct == (plan[0], plan[2], plan[4])
    for asked in (call(FakeClock()), call(FakeClock(), max_output_tokens=None)):
        assert bound_of(asked, facts.distinct) == bound_of(asked, plan)


def test_limits_of_its_own() -> None:
    """Whether any deployment has some: else nobody looks for them, call by call."""
    free, limited = made(), made(limits={"requests_per_minute": 3})
    for plan, holds in (((free, free), False), ((free, limited), True)):
        assert PlanFacts().of(plan, CHAT, Snapshot(plan)).limited is holds


def test_what_is_remembered() -> None:
    """Of one snapshot, found by the very plan only, and a bounded number."""
    known = PlanFacts()
    plan = (made(),)
    first, second = Snapshot(plan), Snapshot(plan)
    assert known.find(plan, CHAT) is None
    facts = known.of(plan, CHAT, first)
    assert known.of(plan, CHAT, first) is facts is known.find(plan, CHAT)
    assert known.find(plan, Operation.EMBEDDINGS) is None
    assert known.of(plan, CHAT, second) is not facts
    known.forget(second)
    assert known.find(plan, CHAT) is None
    known.of(plan, CHAT, second)
    other = [(plan[0], plan[0]) for _ in range(MAX_KNOWN)]
    for each in other:
        known.of(each, CHAT, second)
    assert known.find(plan, CHAT) is None
