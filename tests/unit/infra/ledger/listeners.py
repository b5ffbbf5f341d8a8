"""Those whom adoption tells, and ledgers under which it dies."""

from typing_extensions import override

from llmproxy.application.interfaces.limiter import Stretch
from llmproxy.application.interfaces.usage_ledger import Batch
from llmproxy.domain.errors import Unavailable
from tests.fakes.usage_ledger import FakeUsageLedger


class Told:
    """What was told of adopted files; `failure` is raised instead."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.failure: Exception | None = None

    async def __call__(self, source: str, stretch: Stretch) -> None:
        if self.failure is not None:
            raise self.failure
        assert source == stretch.source
        self.stretches.append(stretch)


class Failing(Told):
    """Fails for one file."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    @override
    async def __call__(self, source: str, stretch: Stretch) -> None:
        if source == self._name:
            raise Unavailable("away")


class Dying(FakeUsageLedger):
    """Raises what a crash would be, before or after so many batches were taken."""

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__()
        self._at = at
        self._after = after

    @override
    async def take(self, batch: Batch) -> None:
        self._at -= 1
        if self._at == 0 and not self._after:
            raise KeyboardInterrupt
        await super().take(batch)
        if self._at == 0:
            raise KeyboardInterrupt
