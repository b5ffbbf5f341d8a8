"""The ledger: one row for each call that was admitted, and sums of them."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.limiter import History, Scope

Dimension = Literal[
    "project", "key", "model", "deployment", "operation", "outcome", "day", "month", "tag"
]
"""By what sums can be grouped. A call with several tags is counted under each of them; one without
under "". Days and months are of UTC, by the time of admission: `2026-11-26`, `2026-11`."""


class Batch(NamedTuple):
    """Rows read from the bytes `begin` to `end` of a journal file.

    `ended` says that the file holds no more, and that its last batch is this one.
    """

    source: str
    begin: int
    end: int
    rows: Sequence[Closed]
    ended: bool


class Taken(NamedTuple):
    """How much of a journal file is in the ledger."""

    end: int
    ended: bool


NOTHING_TAKEN = Taken(0, ended=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls: those admitted from `since` up to but without `until` (unix seconds).

    None and empty sets leave nothing out.
    """

    since: float | None = None
    until: float | None = None
    projects: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


class Sum(NamedTuple):
    """What the calls of one group used together, in one currency: two currencies never add up.

    `group` holds the value of each dimension that was asked for, in its order; None for calls that
    have none. `estimated` is how many of the `requests` have a usage that was estimated.
    """

    group: tuple[str | None, ...]
    currency: str
    requests: int
    failed: int
    """Of the requests, those with an outcome other than finished and cached."""
    cached: int
    estimated: int
    input_tokens: int
    """All that went in, cached or not."""
    cached_input_tokens: int
    output_tokens: int
    """All that came out, reasoning too."""
    reasoning_tokens: int
    images: int
    characters: int
    audio_ms: int
    cost_nano: int


class RowPage(NamedTuple):
    """Some rows in the order of their time, and where to go on; None at the end."""

    rows: Sequence[Closed]
    next: str | None


class UsageLedger(Protocol):
    """Every method raises `domain.errors.Unavailable` when the store is away for the moment."""

    @abstractmethod
    async def taken(self, source: str) -> Taken:
        """Return how much of a journal file is here already."""

    @abstractmethod
    async def take(self, batch: Batch) -> None:
        """Keep a batch, whole or not at all; what is here already is not kept twice.

        A call that is here is passed over: one of its request id, admitted at the same time, which
        all lines of a call in all journals tell alike. A batch that begins before what was taken is
        taken from there on only if it is the same again: the caller begins at `taken`.
        """

    @abstractmethod
    async def sums(self, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
        """Return what the calls used, grouped; in the order of the groups."""

    @abstractmethod
    async def rows(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        """Return single calls, oldest or newest first; `after` is a `next` of the same order.

        Raises ReadOnly with a hint where only sums are kept.
        """

    @abstractmethod
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        """Return what limits need to know of these scopes: see `History`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store; closing twice is fine."""
