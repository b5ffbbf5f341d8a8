"""The journal: what was promised and what came of it, written before anything else is done."""

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from llmproxy.domain.usage import Usage


class Outcome(StrEnum):
    """How a call ended."""

    __hash__ = str.__hash__  # Enum's own is a Python function, and every request pays for it

    FINISHED = "finished"
    FAILED = "failed"
    REFUSED = "refused"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    """The process died while the call was open: nobody knows how it ended."""
    CACHED = "cached"
    """Answered without a provider."""


@dataclass(slots=True)
class Attempt:
    """One try at one deployment; `error` is the code of its failure, None when it answered.

    `usage` and `cost_nano` (in the currency of the call) are None for a try that used nothing or
    whose provider did not say.
    """

    deployment: str
    error: str | None
    duration_s: float
    status: int | None = None
    """The provider's HTTP status; None when there was none."""
    usage: Usage | None = None
    cost_nano: int = 0


@dataclass(slots=True)
class Opened:
    """A call was admitted. Money is in nano-units (1e-9) of `currency`; `at` is unix seconds.

    What is needed to make its row when nothing more is ever written: `prompt_nano` and
    `prompt_tokens` are the estimate of its prompt alone.
    """

    request_id: str
    at: float
    key_id: str
    project: str | None
    model: str
    operation: str
    deployment: str
    """Id of the document that is asked first."""
    reserved_nano: int
    prompt_nano: int
    prompt_tokens: int
    currency: str
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Closed:
    """An admitted call ended: all that its row in the ledger says.

    `at` is when it was admitted, in unix seconds: the time at which limits and bills count it.
    """

    request_id: str
    at: float
    key_id: str
    project: str | None
    model: str
    operation: str
    deployment: str | None
    """Id of the document that answered, or was asked last; None when none was."""
    outcome: Outcome
    status: int | None
    """The HTTP status with which the provider answered last; None when none did."""
    error: str | None
    attempts: list[Attempt]
    usage: Usage
    cost_nano: int
    currency: str
    counted: int
    """1 when limits count it as a request, else 0."""
    duration_s: float
    first_content_s: float | None
    """None for answers in one piece."""
    overhead_s: float
    """Of the duration, what was not waiting for providers."""
    stream: bool
    tags: tuple[str, ...] = ()


class Journal(Protocol):
    """Append-only. Synchronous, so that no cancellation comes between a call and its record."""

    @abstractmethod
    def opened(self, entry: Opened) -> None:
        """Record an admission. Raises Unavailable when it cannot be written."""

    @abstractmethod
    def closed(self, entry: Closed) -> None:
        """Record a settlement. Never raises: what cannot be written is counted and logged."""
