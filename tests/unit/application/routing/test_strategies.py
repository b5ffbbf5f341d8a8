"""The order of each strategy while all are well."""

from collections import Counter

from llmproxy.application.routing.lowest_latency import ALIKE, FRESH_S, LOOK_S, UNKNOWN_EVERY
from tests.unit.application.routing.fleets import Stage, plan_of

LEAST = {"routing": {"strategy": "least_outstanding"}}
FASTEST = {"routing": {"strategy": "lowest_latency"}}
CHEAPEST = {"routing": {"strategy": "cheapest"}}


def test_each_has_its_share_and_the_first_is_first() -> None:
    """Weights 2 and 1: two of three calls, evenly; the order of registration begins."""
    stage = Stage(plan_of(a={"weight": 2}, b={}))
    assert [stage.order()[0] for _ in range(6)] == ["a", "b", "a", "a", "b", "a"]


def test_priorities_come_before_weights() -> None:
    """A lower number is asked first; the others follow in turns of their own."""
    stage = Stage(
        plan_of(c={"priority": 2, "weight": 1000}, a={}, b={"priority": 1}, d={"priority": 1})
    )
    orders = Counter(stage.order() for _ in range(12))
    assert orders == {("a", "b", "d", "c"): 6, ("a", "d", "b", "c"): 6}


def test_the_fewest_calls_under_way_come_first() -> None:
    """For their weight; those with as many are in turn, and so are the others behind them."""
    stage = Stage(plan_of(a=LEAST | {"weight": 2}, b={}, c={}))
    health = {name: stage.fleet.health(stage.at(name)) for name in "abc"}
    assert stage.firsts(8) == {"a": 4, "b": 2, "c": 2}
    for name in "aaabc":
        health[name].began()
    assert stage.firsts(6).keys() == {"b", "c"}
    health["b"].began()
    assert {stage.order() for _ in range(6)} == {("c", "a", "b"), ("c", "b", "a")}
    for _ in range(3):
        health["a"].let_go()
    assert {stage.order()[0] for _ in range(6)} == {"a"}


def test_the_soonest_answers_come_first_alike_ones_in_turn() -> None:
    """Within a quarter of the best all are as good, and the least busy one is first."""
    stage = Stage(plan_of(a=FASTEST, b={}, c={}, d={}))
    for name, first_s in zip("abcd", (1.0, ALIKE, 1.3, 9.0), strict=True):
        stage.answer(name, first_s)
    assert {stage.order() for _ in range(9)} == {("a", "b", "c", "d"), ("b", "a", "c", "d")}
    stage.fleet.health(stage.at("a")).began()
    assert {stage.order() for _ in range(9)} == {("b", "a", "c", "d")}


def test_who_is_soonest_is_looked_at_ten_times_a_second() -> None:
    """An answer changes the order a moment later, and at once only where somebody is not known."""
    stage = Stage(plan_of(a=FASTEST, b={}))
    for name, first_s in (("a", 1.0), ("b", 2.0)):
        stage.answer(name, first_s)
    assert stage.firsts(4) == {"a": 4}
    for _ in range(9):
        stage.answer("a", 9.0)
    assert stage.firsts(4) == {"a": 4}
    stage.clock.advance(LOOK_S)
    assert stage.firsts(4) == {"b": 4}


def test_before_anything_is_known_all_are_in_turn() -> None:
    """A burst at the start does not fall on one."""
    stage = Stage(plan_of(a=FASTEST, b={"weight": 2}))
    assert stage.firsts(18) == {"a": 6, "b": 12}


def test_every_one_is_asked_once_at_the_start() -> None:
    """One after another: to have answered first is no merit."""
    stage = Stage(plan_of(slow=FASTEST, quick={}, other={}))
    for name, first_s in (("slow", 3.0), ("quick", 1.0), ("other", 9.0)):
        assert stage.order()[0] == name
        stage.answer(name, first_s)
    assert {stage.order() for _ in range(30)} == {("quick", "slow", "other")}


def test_unknown_ones_are_asked_now_and_then() -> None:
    """Every twentieth call, until there is a figure; not while one is on its way."""
    stage = Stage(plan_of(a=FASTEST, b={}))
    stage.answer("a", 1.0)
    assert stage.firsts(2) == {"b": 2}  # the first calls, before any rests on what is known
    assert stage.firsts(UNKNOWN_EVERY * 3) == {"a": UNKNOWN_EVERY * 3 - 3, "b": 3}
    era = stage.fleet.health(stage.at("b")).began()
    assert stage.firsts(UNKNOWN_EVERY * 3) == {"a": UNKNOWN_EVERY * 3}
    stage.fleet.health(stage.at("b")).answered(5.0, era)
    assert stage.firsts(UNKNOWN_EVERY * 3) == {"a": UNKNOWN_EVERY * 3}
    stage.clock.advance(FRESH_S)
    stage.answer("a", 1.0)
    looks = [stage.looked(stage.call()) for _ in range(UNKNOWN_EVERY * 2)]
    assert all(look == looks[0] for look in looks)
    assert stage.firsts(UNKNOWN_EVERY)["b"] == 1


def test_the_cheapest_come_first() -> None:
    """Free ones before all, those of one price in turn, other currencies behind."""
    dear = {"costs": {"input": 0.01, "output": 0.03}}
    cheap = {"costs": {"input": 0.001, "output": 0.03}}
    euros = {"costs": {"input": 0.0001, "output": 0.0001, "currency": "EUR"}}
    stage = Stage(
        plan_of(
            dear=CHEAPEST | dear, cheap=cheap, euros=euros, also=cheap,
            free={"costs": None, "free": True}, later=cheap | {"priority": 1},
        )
    )  # fmt: skip
    assert Counter(stage.order() for _ in range(10)) == {
        ("free", "cheap", "also", "dear", "euros", "later"): 5,
        ("free", "also", "cheap", "dear", "euros", "later"): 5,
    }


def test_calls_of_one_key_stay_together() -> None:
    """As long as that deployment is well; away from it they stay together too."""
    stage = Stage(plan_of(a={}, b={}, c={}, d={"priority": 1}))
    homes = {f"{number}": stage.order(prompt_cache_key=f'"{number}"') for number in range(30)}
    assert {order[0] for order in homes.values()} == {"a", "b", "c"}
    assert {order[3] for order in homes.values()} == {"d"}
    for number, order in homes.items():
        assert stage.order(prompt_cache_key=f'"{number}"') == order
    stage.fail("a")
    for number, order in homes.items():
        left = tuple([name for name in order if name != "a"])
        assert stage.order(prompt_cache_key=f'"{number}"') == (*left, "a")


def test_affinity_can_be_off() -> None:
    """Then a key changes nothing."""
    stage = Stage(plan_of(a={"routing": {"affinity": "off"}}, b={}))
    assert stage.firsts(4, prompt_cache_key='"k"') == {"a": 2, "b": 2}


def test_calls_that_begin_alike_stay_together() -> None:
    """Where the model asks for that; others take turns."""
    prompt = '[{"role":"system","content":"Be brief."}]'
    stage = Stage(plan_of(a={"routing": {"affinity": "prefix"}}, b={}))
    assert len(stage.firsts(4, messages=prompt)) == 1
    assert len(stage.firsts(40, messages=prompt, prompt_cache_key="null")) == 1
    others = Stage(plan_of(a={}, b={}))
    assert others.firsts(4, messages=prompt) == {"a": 2, "b": 2}
    assert others.firsts(4, messages=prompt, prompt_cache_key="null") == {"a": 2, "b": 2}
