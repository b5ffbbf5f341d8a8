"""The fair queue: shares by weight, nobody starves, nothing is lost or invented."""

from collections import Counter, defaultdict
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmproxy.domain.fair_queue import MAX_REMEMBERED, FairQueue, Place

FLOWS = ("a", "b", "c")
WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 10.0])
COSTS = st.sampled_from([1.0, 1.5, 2.0, 7.0, 40.0])
CLOSE = 1e-9


def turn(queue: FairQueue[str]) -> Place[str]:
    """Whose turn it is; it goes."""
    place = next(queue.firsts())
    queue.go(place)
    return place


def names(queue: FairQueue[str], turns: int) -> str:
    """Of so many turns, whose each was."""
    return "".join(turn(queue).item for _ in range(turns))


def test_first_come_first_served_within_a_flow() -> None:
    """In the order in which they came."""
    queue: FairQueue[str] = FairQueue()
    for item in "wxyz":
        queue.join(item, "one", weight=1, cost=1)
    assert (names(queue, 4), queue.length, list(queue.firsts())) == ("wxyz", 0, [])


def test_ten_times_as_many_get_no_more() -> None:
    """Between two flows of one weight turns alternate while both wait."""
    queue: FairQueue[str] = FairQueue()
    for item in "aaaaaaaaaabaaaaaaaaaa" + "b" * 4:
        queue.join(item, item, weight=1, cost=1)
    assert names(queue, 11) == "ababababab" + "a"


def test_by_weight() -> None:
    """Three times the weight, three times the turns."""
    queue: FairQueue[str] = FairQueue()
    for item, weight in (("a", 3), ("b", 1)):
        for _ in range(100):
            queue.join(item, item, weight=weight, cost=1)
    assert Counter(names(queue, 80)) == {"a": 60, "b": 20}


def test_by_cost() -> None:
    """Turns that cost three times as much come a third as often."""
    queue: FairQueue[str] = FairQueue()
    for item, cost in (("a", 3), ("b", 1)):
        for _ in range(100):
            queue.join(item, item, weight=1, cost=cost)
    assert Counter(names(queue, 80)) == {"a": 20, "b": 60}


def test_nothing_is_saved_up() -> None:
    """Who comes late begins with who is there, and has no turns to catch up."""
    queue: FairQueue[str] = FairQueue()
    for _ in range(50):
        queue.join("a", "a", weight=1, cost=1)
    assert names(queue, 20) == "a" * 20
    for _ in range(10):
        queue.join("b", "b", weight=1, cost=1)
    assert Counter(names(queue, 10)) == {"a": 5, "b": 5}


def test_leaving_and_coming_back_gains_nothing() -> None:
    """A flow that was served ahead of its share and is out of the queue keeps its tag."""
    queue: FairQueue[str] = FairQueue()
    for _ in range(9):
        queue.join("b", "b", weight=1, cost=1)
    queue.join("a", "a", weight=1, cost=5)
    assert names(queue, 2) == "ba"
    queue.join("a", "a", weight=1, cost=5)
    assert names(queue, 6) == "bbbbba"


def test_who_leaves_pays_nothing() -> None:
    """Taken out before its turn; the flow goes on as if it had never come. Twice is once."""
    queue: FairQueue[str] = FairQueue()
    left = queue.join("x", "a", weight=1, cost=100)
    for item in "abab":
        queue.join(item, item, weight=1, cost=1)
    queue.leave(left)
    queue.leave(left)
    assert queue.length == 4
    assert names(queue, 4) == "abab"


def test_others_may_pass_one_that_cannot_go() -> None:
    """Its tag stays: it is the next as soon as it can, and then catches up."""
    queue: FairQueue[str] = FairQueue()
    for item in "abbbbaa":
        queue.join(item, item, weight=1, cost=1)
    for _ in range(3):
        stuck, other = islice(queue.firsts(), 2)
        assert (stuck.item, other.item) == ("a", "b")
        queue.go(other)
    assert names(queue, 4) == "aaab"


def test_the_longest_for_its_weight_gives_way() -> None:
    """Its newest; and nobody does for a flow that takes as much."""
    queue: FairQueue[str] = FairQueue()
    for number in range(6):
        queue.join(f"a{number}", "a", weight=2, cost=1)
    b = [queue.join(f"b{number}", "b", weight=1, cost=1) for number in range(2)]
    assert queue.last_of_longest(b[-1]).item == "a5"
    assert queue.last_of_longest(queue.join("b2", "b", weight=1, cost=1)).item == "b2"


def test_what_is_remembered_is_bounded() -> None:
    """Of flows that are out of the queue ahead of the others the oldest is forgotten."""
    queue: FairQueue[str] = FairQueue()
    queue.join("stays", "stays", weight=1, cost=1)
    for number in range(MAX_REMEMBERED + 1):
        queue.go(queue.join("", number, weight=1, cost=1000))
    for number in (1, 0):
        queue.join(f" {number}", number, weight=1, cost=1)
    assert names(queue, 3) == "stays 0 1"


@given(
    st.dictionaries(
        st.sampled_from(FLOWS), st.tuples(WEIGHTS, st.lists(COSTS, min_size=1)), min_size=2
    )
)
def test_shares_are_within_one_turn_of_each(flows: dict[str, tuple[float, list[float]]]) -> None:
    """Goyal, Vin and Cheng, theorem 1: between any two moments at which both wait."""
    queue: FairQueue[str] = FairQueue()
    for name, (weight, costs) in flows.items():
        for cost in costs:
            queue.join(name, name, weight=weight, cost=cost)
    most = {name: max(costs) / weight for name, (weight, costs) in flows.items()}
    given_to = dict.fromkeys(flows, 0.0)
    history = [dict(given_to)]
    while len({place.item for place in queue.firsts()}) == len(flows):
        place = turn(queue)
        given_to[place.item] += place.cost / flows[place.item][0]
        history.append(dict(given_to))
    for one in flows:
        for other in flows:
            ahead = [step[one] - step[other] for step in history]
            assert max(ahead) - min(ahead) <= most[one] + most[other] + CLOSE


class Machine(RuleBasedStateMachine):
    """Joins, goes and leaves in any order, beside a plain list for each flow."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[int] = FairQueue()
        self.waiting: dict[str, list[Place[int]]] = defaultdict(list)
        self.numbers = 0
        self.passed: defaultdict[int, float] = defaultdict(float)
        """By number: what others were given, for their weights, while this one waited first."""

    @rule(flow=st.sampled_from(FLOWS), cost=COSTS)
    def join(self, flow: str, cost: float) -> None:
        """One more."""
        self.numbers += 1
        place = self.queue.join(self.numbers, flow, weight=1, cost=cost)
        self.waiting[flow].append(place)

    @precondition(lambda self: self.queue.length > 0)
    @rule()
    def go(self) -> None:
        """Who is next is the first of its flow."""
        place = next(self.queue.firsts())
        self.queue.go(place)
        (flow,) = [name for name, places in self.waiting.items() if place in places]
        assert self.waiting[flow].pop(0) is place
        for other, places in self.waiting.items():
            if other != flow and places:
                self.passed[places[0].item] += place.cost

    @precondition(lambda self: self.queue.length > 0)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Anybody may."""
        place = data.draw(st.sampled_from([*self.queue]))
        self.queue.leave(place)
        (places,) = [places for places in self.waiting.values() if place in places]
        places.remove(place)

    @invariant()
    def conserves(self) -> None:
        """Exactly those wait that have joined and neither gone nor left."""
        expected = {place for places in self.waiting.values() for place in places}
        assert set(self.queue) == expected
        assert self.queue.length == len(expected)
        firsts = [places[0] for places in self.waiting.values() if places]
        assert sorted(place.number for place in self.queue.firsts()) == sorted(
            place.number for place in firsts
        )

    @invariant()
    def nobody_starves(self) -> None:
        """While one waits first of its flow, each other flow gets two turns of the dearest more."""
        bound = (len(FLOWS) - 1) * 2 * 40.0
        for places in self.waiting.values():
            if places:
                assert self.passed[places[0].item] <= bound + CLOSE


TestMachine = Machine.TestCase
