"""The three steps over fakes, as the composition root puts them together over adapters."""

import asyncio

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.settle import Settle
from llmproxy.application.use_cases.answer import Answer
from llmproxy.application.use_cases.stream import Stream
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeJournal, FakeLimiter, FakeMeter


class FakeRooms:
    """Use cases over these deployments, and everything that they write to.

    Pauses are not waited for: the clock goes on by them, unless it stands `still`; a client that
    `leaves_in_pause` is gone.
    """

    def __init__(self, clock: FakeClock, *deployments: Deployment) -> None:
        self.clock = clock
        self.journal = FakeJournal()
        self.limiter = FakeLimiter()
        self.meter = FakeMeter()
        self.registry = Registry(clock)
        self.registry.install(Snapshot(deployments))
        self.fleet = Fleet(clock, lambda: 0.0)
        self.admit = Admit(self.registry, self.limiter, self.journal, self.meter, clock, self.fleet)
        ground = Ground(self.fleet, self.limiter, clock, self.admit, lambda: 1.0, self._pause)
        self.pauses: list[float] = []
        self.still = False
        self.leaves_in_pause = False
        self.dispatch = Dispatch(ground)
        self.settle = Settle(self.limiter, self.journal, self.meter, clock)
        self.answer = Answer(self.admit, self.dispatch, self.settle)
        self.stream = Stream(self.admit, self.dispatch, self.settle)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.leaves_in_pause:
            raise asyncio.CancelledError("left")
        if not self.still:
            self.clock.advance(seconds)
