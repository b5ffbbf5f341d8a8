"""Reading the ledger, here or at a running gateway: sums of calls, and single calls.

Every method raises `domain.errors.Unavailable` when the store, or the gateway, is away.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, RowPage, Sum


class Report(NamedTuple):
    """Sums by group, and of all calls together: one for each currency.

    A call with several tags stands in several groups of a `tag`, and once in the totals.
    """

    groups: Sequence[Sum]
    totals: Sequence[Sum]


class UsageReading(Protocol):
    """What administrators see of the ledger."""

    @abstractmethod
    async def report(self, wanted: Filter, by: Sequence[Dimension]) -> Report:
        """Return what the calls used, in the order of the groups."""

    @abstractmethod
    async def calls(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        """Return single calls, oldest or newest first; `after` is a `next` of the same order.

        Raises ReadOnly where only sums are kept.
        """
