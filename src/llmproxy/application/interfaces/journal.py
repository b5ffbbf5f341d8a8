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


@dataclass(slots=True)
class Attempt:
    """One try at one deployment; `error` is the code of its failure, None when it answered."""

    deployment: str
    error: str | None
    duration_s: float


@dataclass(slots=True)
class Opened:
    """A call was admitted. Money is in nano-units (1e-9) of `currency`; `at` is unix seconds."""

    request_id: str
    at: float
    key_id: str
    project: str | None
    model: str
    operation: str
    reserved_nano: int
    currency: str


@dataclass(slots=True)
class Closed:
    """An admitted call ended. `first_content_s` is None for answers in one piece."""

    request_id: str
    at: float
    outcome: Outcome
    error: str | None
    attempts: list[Attempt]
    usage: Usage
    cost_nano: int
    currency: str
    duration_s: float
    first_content_s: float | None


class Journal(Protocol):
    """Append-only. Synchronous, so that no cancellation comes between a call and its record."""

    @abstractmethod
    def opened(self, entry: Opened) -> None:
        """Record an admission. Raises Unavailable when it cannot be written."""

    @abstractmethod
    def closed(self, entry: Closed) -> None:
        """Record a settlement. Never raises: what cannot be written is counted and logged."""
