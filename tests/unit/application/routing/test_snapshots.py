"""What a new snapshot leaves of healths and turns, and that memory is bounded."""

from dataclasses import replace

from llmproxy.application.routing.fleet import MAX_ROTAS, State
from llmproxy.application.routing.lowest_latency import FRESH_S, MAX_SETS, LowestLatency
from llmproxy.application.routing.rota import MAX_PARTS
from tests.unit.application.routing.fleets import Stage, ids, plan_of, routing_of


def test_a_document_that_changes_keeps_its_health() -> None:
    """Unless its parameters change: then what is reached is not what failed."""
    stage = Stage(plan_of(a={}, b={}))
    stage.fail("a")
    sick = stage.fleet.health(stage.at("a"))
    renamed = plan_of(a={"name": "Another", "provisioned": True}, b={})
    stage.fleet.keep({"a", "b"})
    assert stage.fleet.health(renamed[0]) is sick
    sick.load(99)
    assert sick.load_percent == 99
    moved = plan_of(a={"parameters": {"model": "gpt-5"}}, b={})
    well = stage.fleet.health(moved[0])
    assert well is not sick
    assert (stage.fleet.ward.unwell, well.state(stage.clock.monotonic())) == (0, State.CLOSED)


def test_a_call_of_before_a_change_does_not_undo_it() -> None:
    """It brings the document of then, and tells the health of now."""
    stage = Stage()
    (old,) = plan_of(a={})
    (changed,) = plan_of(a={"parameters": {"model": "x"}})
    stage.fleet.health(old)
    new = replace(changed, created=9)
    now = stage.fleet.health(new)
    assert stage.fleet.health(old) is now
    assert stage.fleet.health(new) is now


def test_a_snapshot_leaves_turns_as_they_were() -> None:
    """Deployments that are the same go on; those that are gone are forgotten, health and all."""
    stage = Stage(plan_of(a={}, b={}, c={}))
    stage.order()
    for first in ("b", "c", "a"):
        stage.fleet.keep({"a", "b", "c"})
        assert stage.order()[0] == first
    stage.fail("c")
    stage.fleet.keep({"a", "b"})
    assert stage.fleet.ward.unwell == 0
    assert {each.deployment for each in stage.fleet.conditions()} == {"a", "b"}
    stage.plan = stage.plan[:2]
    assert stage.firsts(4) == {"a": 2, "b": 2}


def test_what_is_not_used_is_forgotten() -> None:
    """Rotas after two snapshots, budgets that are as good as new after one."""
    stage = Stage(plan_of(a={}, b={}))
    stage.order()
    stage.fleet.budget("mini").take()
    stage.clock.advance(60)
    for _ in range(2):
        stage.fleet.keep({"a", "b"})
    assert not stage.fleet._rotas
    assert not stage.fleet._budgets
    assert stage.fleet.figures()["retries"] == 1
    assert stage.order() == ("a", "b")


def test_memory_is_bounded() -> None:
    """However many sets of deployments are asked for, and however many of them are unwell."""
    stage = Stage(plan_of(**{f"d{number}": {} for number in range(8)}))
    for bits in range(1, 255):
        for number in range(8):
            if bits >> number & 1:
                stage.limit(f"d{number}", 1)
        assert len(stage.order()) == 8
        stage.clock.advance(1)
    rota = stage.fleet.rota(stage.plan, routing_of(stage.plan))
    assert rota is not None
    assert 0 < len(rota._parts) <= MAX_PARTS


def test_sets_of_alike_latencies_are_bounded() -> None:
    """Whichever deployments answer soonest, of eight."""
    stage = Stage(plan_of(**{f"d{number}": {} for number in range(8)}))
    rota = stage.fleet.rota(stage.plan, routing_of(stage.plan))
    assert rota is not None
    ranked = LowestLatency(rota.seats, stage.fleet.ward)
    for bits in range(1, 256):
        stage.clock.advance(FRESH_S)
        for number in range(8):
            stage.answer(f"d{number}", 1.0 if bits >> number & 1 else 2.0)
        assert bits >> stage.plan.index(ranked.order(counted=True).plan[0]) & 1
        assert 0 < len(ranked._sets) <= MAX_SETS


def test_sets_of_deployments_are_bounded() -> None:
    """Each key may see another set, and each of its snapshots has other plans."""
    stage = Stage(plan_of(**{f"d{number}": {} for number in range(13)}))
    for bits in range(1, MAX_ROTAS + 100):
        plan = tuple([each for number, each in enumerate(stage.plan) if bits >> number & 1])
        assert ids(stage.ordered(stage.call(), plan).plan)[0] == plan[0].model.id
    assert 0 < len(stage.fleet._rotas) <= MAX_ROTAS


def test_nothing_is_held_of_what_is_gone() -> None:
    """A deployment of a document that was changed or deleted, and all that it holds, can go."""
    stage = Stage(plan_of(a={}, b={}))
    stage.order()
    stage.fleet.keep({"a", "b"}, lambda each: each.model.id == "a")
    assert not stage.fleet._rotas
