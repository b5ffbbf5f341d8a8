"""A probe that answers as it is told."""

import asyncio

from typing_extensions import override

from llmproxy.application.interfaces.model_probe import ModelProbe
from llmproxy.domain.model import Model
from tests.fakes.clock import FakeClock


class FakeModelProbe(ModelProbe):
    """`failures` holds the error to raise per model id, `hangs` the ids that never answer."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.failures: dict[str, Exception] = {}
        self.hangs: set[str] = set()
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    @override
    async def ask(self, model: Model) -> None:
        self.asked.append(model.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(3600 if model.id in self.hangs else 0)
        finally:
            self.at_once -= 1
        self._clock.advance(0.25)
        if model.id in self.failures:
            raise self.failures[model.id]
