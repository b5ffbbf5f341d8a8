"""What a stage, a server before its simulators, tells a test of the calls that it made."""

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from tests.api.asking import within
from tests.api.gateway import Gateway
from tests.api.traces import opened, settled
from tests.simulators.recording import RecordedRequest
from tests.simulators.simulator import Simulator

PATIENCE_S = 30.0
"""A condition that does not come true within this time never will, however busy the machine is."""


class CallsSeen(ABC):
    """`lines` is how many settlements were there before the test."""

    __slots__ = ()
    gateway: Gateway
    lines: int

    @abstractmethod
    def upstream(self, model: str) -> Simulator:
        """The provider behind a model."""

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The settlements of this test; waits for so many. Each belongs to one admission."""
        within(PATIENCE_S, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count
        assert len(opened(self.gateway)) == len(settled(self.gateway))
        return lines

    async def asked(self, model: str) -> RecordedRequest:
        """The only request that the provider has got, once it is there."""
        requests = self.upstream(model).requests
        assert await asyncio.to_thread(within, PATIENCE_S, lambda: bool(requests))
        [record] = requests
        return record
