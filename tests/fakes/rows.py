"""A ledger of calls, for those who read it."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, RowPage, Sum
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.usage import Usage
from tests.fakes import usage_ledger

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z, a Friday."""


def call(number: int = 1, **fields: Any) -> Closed:  # noqa: ANN401
    """A call that cost 1.5 USD; its id tells its number."""
    usual: dict[str, Any] = {
        "request_id": f"req_{number:04d}",
        "at": NOW - 60 + number,
        "key_id": "key_plain",
        "project": "alpha",
        "deployment": "mini-weu",
        "attempts": [],
        "usage": Usage(input_tokens=10, cache_read_tokens=5, output_tokens=3, reasoning_tokens=2),
        "cost_nano": 1_500_000_000,
        "first_content_s": None,
        "overhead_s": 0.001,
        "stream": False,
    }
    return usage_ledger.call(**{**usual, **fields})


class RowsLedger(usage_ledger.FakeUsageLedger):
    """Holds these calls; `failure` is raised instead, from the `fails_at`th question on."""

    def __init__(self, *kept: Closed) -> None:
        super().__init__()
        self.calls = {row.request_id: row for row in kept}
        self.asked: list[tuple[Filter, Sequence[Dimension]]] = []
        self.failure: GatewayError | None = None
        self.fails_at = 1
        self.questions = 0

    def _answers(self) -> None:
        self.questions += 1
        if self.failure is not None and self.questions >= self.fails_at:
            raise self.failure

    @override
    async def sums(self, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
        self._answers()
        self.asked.append((wanted, by))
        return await super().sums(wanted, by)

    @override
    async def rows(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        self._answers()
        return await super().rows(wanted, after, most, newest_first=newest_first)
