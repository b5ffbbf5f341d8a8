"""The three steps over fakes, as the composition root puts them together over adapters."""

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.settle import Settle
from llmproxy.application.use_cases.answer import Answer
from llmproxy.application.use_cases.stream import Stream
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeJournal, FakeLimiter, FakeMeter


class FakeRooms:
    """Use cases over these deployments, and everything that they write to."""

    def __init__(self, clock: FakeClock, *deployments: Deployment) -> None:
        self.clock = clock
        self.journal = FakeJournal()
        self.limiter = FakeLimiter()
        self.meter = FakeMeter()
        self.registry = Registry(clock)
        self.registry.install(Snapshot(deployments))
        self.dispatch = Dispatch(clock, self.limiter)
        self.admit = Admit(self.registry, self.limiter, self.journal, clock, self.dispatch.in_turn)
        self.settle = Settle(self.limiter, self.journal, self.meter, clock)
        self.answer = Answer(self.admit, self.dispatch, self.settle)
        self.stream = Stream(self.admit, self.dispatch, self.settle)
