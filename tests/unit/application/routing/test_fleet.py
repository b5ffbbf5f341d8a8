"""The fleet: the order of each strategy, the unwell behind, and what a new snapshot leaves."""

from collections import Counter

from llmproxy.application.routing.fleet import Change, State
from llmproxy.domain.errors import Broken
from tests.unit.application.routing.fleets import Stage, ids, plan_of

LEAST = {"routing": {"strategy": "least_outstanding"}}
FASTEST = {"routing": {"strategy": "lowest_latency"}}
CHEAPEST = {"routing": {"strategy": "cheapest"}}


def test_one_deployment_has_one_order() -> None:
    """Well or not it is asked; whether it is well is told."""
    stage = Stage(plan_of(a={}))
    assert stage.order() == ("a",)
    assert stage.well() == ("a",)
    stage.fail("a")
    assert stage.order() == ("a",)
    assert stage.well() == ()


def test_a_single_deployment_is_probed_by_one() -> None:
    """While it is half open only one call finds it well; a look takes nothing."""
    stage = Stage(plan_of(a={}))
    stage.fail("a")
    stage.clock.advance(5)
    assert stage.looked(stage.call()).well == 1
    assert stage.well() == ("a",)
    assert stage.looked(stage.call()).well == 0
    assert stage.well() == ()
    stage.answer("a")
    assert stage.well() == ("a",)
    assert not stage.fleet._rotas


def test_a_look_takes_no_turn() -> None:
    """It tells the next order, as often as somebody asks; also of those that shed."""
    stage = Stage(plan_of(a={}, b={}, c={}))
    for _ in range(7):
        looked = [stage.looked(stage.call()) for _ in range(3)]
        assert looked == [stage.ordered(stage.call())] * 3
    shed = Stage(plan_of(a={"provisioned": True}, b={"priority": 1}))
    shed.fleet.health(shed.at("a")).load(96)
    for _ in range(20):
        looked = [shed.looked(shed.call()) for _ in range(2)]
        assert looked == [shed.ordered(shed.call())] * 2


def test_plans_with_the_same_deployments_share_their_turns() -> None:
    """Two keys that use one model alternately are not both sent to the same deployment."""
    stage = Stage(plan_of(a={}, b={}))
    other = (*stage.plan,)
    assert other is not stage.plan
    firsts = [ids(stage.ordered(stage.call(), plan).plan)[0] for plan in (stage.plan, other) * 4]
    assert firsts == ["a", "b"] * 4


def test_those_that_are_open_or_rest_come_last() -> None:
    """The others share the calls by weight; the likeliest to answer leads the rest."""
    stage = Stage(plan_of(a={"weight": 3}, b={}, c={"weight": 2}, d={}))
    stage.fail("b")
    stage.limit("d", 30)
    orders = [stage.order() for _ in range(50)]
    assert {order[2:] for order in orders} == {("d", "b")}
    assert Counter(order[0] for order in orders) == {"a": 30, "c": 20}
    assert set(stage.well()) == {"a", "c"}
    assert stage.fleet.ward.unwell == 2


def test_others_do_not_suffer_from_an_unwell_one() -> None:
    """A plan in which all are well is as ever, though somebody else is not."""
    stage = Stage(plan_of(a={}, b={}, c={}))
    stage.fail("c")
    stage.plan = stage.plan[:2]
    assert stage.firsts(4) == {"a": 2, "b": 2}
    assert len(stage.well()) == 2


def test_what_an_unwell_one_leaves_falls_on_all_others() -> None:
    """In the ratio of their weights, not on whoever stands behind it."""
    stage = Stage(plan_of(a={}, b={}, c={}))
    stage.fail("a")
    assert stage.firsts(60) == {"b": 30, "c": 30}


def test_a_resting_one_is_back_when_its_time_is_over() -> None:
    """And then everything is as before, at no cost."""
    stage = Stage(plan_of(a={}, b={}))
    stage.limit("a", 3)
    assert stage.firsts(4) == {"b": 4}
    stage.clock.advance(3)
    assert stage.firsts(4) == {"a": 2, "b": 2}
    assert stage.fleet.ward.unwell == 0


def test_a_half_open_one_is_probed_in_its_turn() -> None:
    """By one call at a time: until that ends the others pass it by."""
    stage = Stage(plan_of(a={}, b={}))
    stage.fail("a")
    stage.clock.advance(5)
    assert stage.firsts(5) == {"a": 1, "b": 4}
    era = stage.fleet.health(stage.at("a")).began()
    stage.clock.advance(10)
    assert stage.firsts(5) == {"b": 5}
    stage.fleet.health(stage.at("a")).answered(1.0, era)
    assert stage.firsts(4) == {"a": 2, "b": 2}


def test_a_half_open_one_of_lower_priority_keeps_its_place() -> None:
    """It would be asked only if others fail: nobody has to wait for that."""
    stage = Stage(plan_of(a={}, b={"priority": 1}, c={"priority": 2}))
    stage.fail("b")
    stage.clock.advance(5)
    assert [stage.order() for _ in range(3)] == [("a", "b", "c")] * 3
    assert len(stage.well()) == 3


def test_when_nobody_is_well_all_are_the_last_resort() -> None:
    """In turn, so that what is left of the load is shared; those that only rest before the open."""
    stage = Stage(plan_of(a={}, b={}, c={"priority": 1}))
    for name in "abc":
        stage.fail(name)
    assert {stage.order() for _ in range(6)} == {("a", "b", "c"), ("b", "a", "c")}
    assert stage.well() == ()
    stage.answer("c")
    stage.limit("c", 10)
    assert stage.order()[0] == "c"
    assert stage.well() == ()


def test_a_nearly_full_one_gives_a_share_away() -> None:
    """Half of what lies above the threshold goes to the next priority, without dice."""
    stage = Stage(plan_of(full={"provisioned": {"spill_at": 90}}, spare={"priority": 1}))
    assert stage.firsts(20) == {"full": 20}
    stage.fleet.health(stage.at("full")).load(95)
    assert 48 <= stage.firsts(100)["spare"] <= 50
    stage.fleet.health(stage.at("full")).load(100)
    assert 97 <= stage.firsts(100)["spare"] <= 99
    assert stage.well() in {("spare",), ("full", "spare")}
    stage.clock.advance(15)
    assert stage.firsts(20) == {"full": 20}


def test_the_routing_of_a_model_holds_while_its_author_is_unwell() -> None:
    """The others do not fall back to turns because the document that says how is away."""
    stage = Stage(plan_of(a=LEAST, b={}, c={}))
    stage.fail("a")
    stage.fleet.health(stage.at("b")).began()
    assert {stage.order()[0] for _ in range(6)} == {"c"}


def test_changes_are_told_and_heard() -> None:
    """One worker's breaker opens in another, which does not tell it back."""
    one, other = Stage(plan_of(a={}, b={})), Stage(plan_of(a={}, b={}))
    told: list[Change] = []
    echoed: list[Change] = []
    one.fleet.told, other.fleet.told = told.append, echoed.append
    one.fail("a")
    other.fleet.hear(told[0])  # not known there yet
    assert other.firsts(4) == {"a": 2, "b": 2}
    other.fleet.hear(told[0])
    assert other.firsts(4) == {"b": 4}
    one.answer("a")
    other.fleet.hear(told[1])
    assert other.firsts(4) == {"a": 2, "b": 2}
    assert echoed == []


def test_what_is_heard_of_a_registered_deployment_is_kept() -> None:
    """Though it was never asked here; of one that is not registered nothing is."""
    stage = Stage(plan_of(a={}, b={}))
    stage.fleet.keep({"a": 1, "b": 1})
    for name in ("a", "x"):
        stage.fleet.hear(Change(name, State.OPEN, stage.clock.now() + 5))
    assert stage.firsts(4) == {"b": 4}
    assert {each.deployment for each in stage.fleet.conditions()} == {"a", "b"}


def test_conditions_and_figures() -> None:
    """People see each deployment, a monitor the sums."""
    stage = Stage(plan_of(a={}, b={}, c={"provisioned": True}))
    stage.order()
    stage.fail("a")
    stage.answer("b", 0.5)
    stage.fleet.health(stage.at("b")).began()
    stage.fleet.health(stage.at("c")).load(95)
    for _ in range(11):
        stage.fleet.budget("mini").take()
    a, b, c = stage.fleet.conditions()
    assert (a.state, a.until, a.failures, a.openings) == (State.OPEN, stage.clock.now() + 5, 5, 1)
    assert (b.state, b.until, b.outstanding, b.latency_s) == (State.CLOSED, None, 1, 0.5)
    assert (c.state, c.load_percent, c.moved_share) == (State.SHEDDING, 95, 0.49)
    assert stage.fleet.figures() == {
        "deployments_closed": 1, "deployments_open": 1, "deployments_half_open": 0,
        "deployments_resting": 0, "deployments_shedding": 1, "outstanding": 1, "retries": 10,
        "retries_denied": 1,
        "waiting": 0.0,
    }  # fmt: skip

    of_each = stage.fleet.figures_of_each()
    assert of_each["well"] == {"a": 0, "b": 1, "c": 0}
    assert of_each["failing"] == {"a": 1, "b": 0, "c": 0}
    assert of_each["latency_seconds"] == {"b": 0.5}
    assert of_each["load_percent"] == {"c": 95}
    assert "p95_seconds" not in of_each


def test_a_late_failure_opens_nothing_again() -> None:
    """Calls that hung through an outage end after it: the deployment stays in its turn."""
    stage = Stage(plan_of(a={}, b={}))
    health = stage.fleet.health(stage.at("a"))
    eras = [health.began() for _ in range(10)]
    stage.fail("a")
    stage.answer("a")
    for era in eras:
        health.failed(Broken("x"), counts=True, era=era)
    assert stage.firsts(4) == {"a": 2, "b": 2}
