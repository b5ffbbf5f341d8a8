"""One credential with a fake issuer, clock and timers."""

import asyncio

from llmproxy.infra.providers.credentials.refresher import WAIT_S, Refresher
from tests.fakes.clock import FakeClock
from tests.fakes.token_issuer import FakeIssuer, FakeTimers


class World:
    """One credential with all that it needs."""

    def __init__(
        self, *, life_s: float = 3600.0, closed: bool = False, wait_s: float = WAIT_S
    ) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer(self.clock, life_s)
        self.timers = FakeTimers(self.clock)
        if closed:
            self.issuer.close()
        self.credential = Refresher(
            "Entra ID, test", self.issuer, self.clock, self.timers, wait_s=wait_s
        )

    async def landed(self) -> None:
        """Wait until no fetch is under way."""
        async with asyncio.timeout(5):
            while self.credential._flight is not None:
                await asyncio.wait((self.credential._flight,))

    async def fired(self) -> None:
        """Let the next renewal fall due, and wait for it."""
        self.timers.fire()
        await self.landed()
