"""The circuit breaker, driven at random beside a model that remembers every call."""

from typing import NamedTuple

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmproxy.application.routing.breaker import PROBE_S, Breaker

NOW = 1000.0


class Begun(NamedTuple):
    """A call under way, and in which of the model's periods it began."""

    era: int
    period: int


class Machine(RuleBasedStateMachine):
    """What a call knows of its beginning is a number; the model counts periods by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(lambda: 0.0)
        self.now = NOW
        self.state = "closed"
        self.until = 0.0
        self.openings = 0
        self.period = self.opened = 0
        self.probes = 0
        self.lost_at = 0.0
        self.row = 0
        self.ended: list[tuple[int, bool]] = []
        self.calls: list[Begun] = []

    def look(self) -> None:
        if self.state == "open" and self.now >= self.until:
            self.state = "half"
            self.period += 1
            self.probes = 0

    def opens(self) -> None:
        self.state = "open"
        self.until = self.now + min(5 * 2**self.openings, 50)
        self.period += 1
        self.opened = self.period
        self.row, self.ended = 0, []

    def closes(self) -> None:
        self.state, self.openings = "closed", 0
        self.period += 1
        self.row, self.ended = 0, []

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 4.75, 5.0, 9.0, 55.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.look()
        self.breaker.waits(self.now)

    @precondition(lambda self: len(self.calls) < 30)
    @rule(number=st.integers(1, 6))
    def begin(self, number: int) -> None:
        for _ in range(number):
            self.calls.append(Begun(self.breaker.began(self.now), self.period))
            if self.state == "half":
                self.probes += 1
                self.lost_at = self.now + PROBE_S

    def take(self, data: st.DataObject) -> Begun:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        if self.state == "half" and call.period == self.period:
            self.probes -= 1
        return call

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.breaker.let_go(self.take(data).era)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        call = self.take(data)
        closes = self.state != "closed" and call.period >= self.opened
        assert self.breaker.succeeded(self.now, call.era) is closes
        if closes:
            self.closes()
        elif self.state == "closed":
            self.row = 0
            self.ended.append((int(self.now), True))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), number=st.integers(1, 6))
    def fail(self, data: st.DataObject, number: int) -> None:
        for _ in range(min(number, len(self.calls))):
            call = self.take(data)
            assert self.breaker.failed(self.now, call.era) is self.fails(call)

    def fails(self, call: Begun) -> bool:
        if self.state == "open" or call.period != self.period:
            return False
        if self.state == "half":
            self.openings += 1
            self.opens()
            return True
        self.row += 1
        self.ended.append((int(self.now), False))
        recent = [good for second, good in self.ended if second > int(self.now) - 10]
        if self.row >= 5 or (len(recent) >= 20 and recent.count(False) * 2 >= len(recent)):
            self.opens()
            return True
        return False

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        half = self.state == "half"
        assert self.breaker.waits(self.now) is (
            self.state == "open" or (half and self.probes > 0 and self.now < self.lost_at)
        )
        assert bool(self.breaker.until) is (self.state != "closed")
        assert self.breaker.half_open is half


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40)
