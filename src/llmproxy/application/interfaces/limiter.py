"""What a call may use, held before a provider is asked, and what was used, counted after."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from llmproxy.domain.errors import GatewayError
from llmproxy.domain.limit import Limits, Measure, Quota


class ScopeKind(StrEnum):
    """Whose use is counted."""

    __hash__ = str.__hash__

    KEY = "key"
    PROJECT = "project"
    MODEL = "model"
    """All deployments of one code."""
    DEPLOYMENT = "deployment"
    """One document."""


class Scope(NamedTuple):
    """One of them, by its id (a model by its code), with the limits that hold now."""

    kind: ScopeKind
    name: str
    limits: Limits


@dataclass(slots=True)
class Reservation:
    """Held from admission to settlement.

    `cost_nano` is an upper bound in nano-units (1e-9) of `currency`, `tokens` an upper bound of
    input and output together. `scopes` are those of the caller and the model that have limits.
    `lanes` has one entry for each deployment of the plan, in the order in which they are asked: its
    own scope, None where the deployment has no limits. It is empty when no deployment has any.

    `reserve` sets the rest: `lane` is the first deployment with room, `at` the time in unix seconds
    at which every window counts this call, `quota` what is left. Before settlement `deployment` is
    set to the document that was asked last; it stays None where none was.
    """

    key_id: str
    project: str | None
    model: str
    currency: str
    cost_nano: int
    tokens: int
    scopes: tuple[Scope, ...] = ()
    lanes: tuple[Scope | None, ...] = ()
    lane: int = 0
    at: float = 0.0
    quota: Quota | None = None
    deployment: str | None = None


class Used(NamedTuple):
    """What a call used in the end. `requests` is 1, or 0 for one that does not count."""

    cost_nano: int
    tokens: int
    requests: int

    def plus(self, other: "Used") -> "Used":
        """Return both together."""
        return Used(
            self.cost_nano + other.cost_nano,
            self.tokens + other.tokens,
            self.requests + other.requests,
        )


NOTHING_USED = Used(0, 0, 0)
NO_LANE = -1
"""`Reservation.lane` while no lane is held."""


class Limit(NamedTuple):
    """What counts a call: `used` and `held` of `most` `unit` in a scope.

    `setting` is what changes it: a field of `limits`, or a variable of the environment. Costs are
    nano-units of `currency`, which is empty for anything else. `reset_s` is None where no time
    gives anything back.
    """

    scope: str
    unit: str
    used: int
    most: int
    setting: str
    held: int = 0
    currency: str = ""
    reset_s: float | None = None


class Standing(NamedTuple):
    """All limits that would count a reservation, and what `reserve` would raise, if anything."""

    limits: tuple[Limit, ...]
    refusal: GatewayError | None


class Limiter(Protocol):
    """Counts what is held and used per scope and window.

    Windows: minutes slide in steps of 2 s, days in steps of 15 minutes, months are the calendar's
    in UTC, totals never end. An amount counts in the step of `Reservation.at` and has left a
    sliding window when the end of its step lies the window's length back: in no 60 seconds, however
    they are cut, more than the limit is admitted. What is held counts like what was used.
    """

    @abstractmethod
    async def reserve(self, reservation: Reservation) -> None:
        """Hold it over all scopes and the first lane with room, or over nothing at all.

        Raises:
            RateLimited: a rate is used up, or a budget is held by calls in flight.
            BudgetSpent: a budget is used up.
            Forbidden: a budget is in another currency than the price.
            Unavailable: the counters cannot be reached.

        """

    @abstractmethod
    async def move(self, reservation: Reservation, lane: int) -> None:
        """Hold another lane in place of the present one.

        Raises as `reserve`; then, or when it is cancelled, no lane is held (`NO_LANE`).
        """

    @abstractmethod
    def settle(self, reservation: Reservation, used: Used) -> None:
        """Replace what was held by what was used; zeros give all back.

        Where no `deployment` was asked its lane has used nothing, as the journal's line says too.
        Called exactly once per reservation that `reserve` has accepted. Synchronous, so that no
        cancellation comes in between: what needs a network follows.
        """

    @abstractmethod
    async def standing(self, reservation: Reservation) -> Standing:
        """Say what would become of a reservation, and hold nothing. Raises Unavailable."""


class Crossing(NamedTuple):
    """A share of a limit was reached: told once for each window of it."""

    kind: ScopeKind
    name: str
    rule: str
    """The limit's field, such as `cost_per_month`."""
    percent: int
    used: int
    most: int
    currency: str
    measure: Measure
    window_began: float | None
    """Unix seconds; None for a total and for sliding windows."""


class Alerts(Protocol):
    """Tells people of crossings: log, metric, webhook."""

    @abstractmethod
    def crossed(self, crossing: Crossing) -> None:
        """Tell it. Returns at once and never raises: what needs a network follows."""


class ScopeName(NamedTuple):
    """A scope without its limits."""

    kind: ScopeKind
    name: str


class Step(NamedTuple):
    """What a scope used within one step of time that began at `at` (unix seconds)."""

    at: int
    used: Used


class History(NamedTuple):
    """What the ledger knows of some scopes, and up to which byte of each journal it knows.

    For each scope: `minutes` are steps of 2 s of the last 62 s, `days` steps of 15 minutes of the
    last 24 h 15 min, `month` is all since the month began, `total` all there ever was. Money is in
    the currency that the scope's limits name; `Used.cost_nano` holds that currency only.
    """

    scopes: dict[ScopeName, "ScopeHistory"]
    positions: dict[str, int]
    """By the name of a journal file: all lines that end at or before this byte are counted.

    One byte more than a file has: its calls that were interrupted are counted too.
    """


class ScopeHistory(NamedTuple):
    """See `History`."""

    minutes: tuple[Step, ...]
    days: tuple[Step, ...]
    month: Used
    total: Used


class Told(NamedTuple):
    """A line of a journal, as the limiter counts it: who used what, and when it was admitted.

    `place` is the byte of its file at which the line begins: the counters of a scope may know of a
    part of a stretch. What has no line of its own, an interrupted call, stands at the file's end.
    """

    at: float
    key_id: str
    project: str | None
    model: str
    deployment: str | None
    currency: str
    used: Used
    place: int = -1
    """-1 where it is not known."""


class Stretch(NamedTuple):
    """The settled calls between two bytes of a journal file, and the name of the file.

    A file that was adopted ends one byte behind its last, where interrupted calls stand.
    """

    source: str
    begin: int
    end: int
    lines: list[Told]


class Past(Protocol):
    """From what counters are rebuilt: at the start, and when they were lost."""

    @abstractmethod
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        """Read what the ledger knows of these scopes. Raises Unavailable."""

    @abstractmethod
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        """Return what this worker's own journal says beyond these positions, up to its last byte.

        Files that `positions` does not name are read from their beginning. Synchronous: between
        this and the counters that are set by it, no call is settled.
        """

    @abstractmethod
    def place(self) -> tuple[str, int]:
        """Return the file that this worker's journal writes now, and how many bytes it has."""
