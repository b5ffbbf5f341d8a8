"""What is promised of a fault: the kinds of failure, and what a caller and the ledger see of each.

The rules, which docs/failures.md tells in words: a provider's refusal of the request itself ends a
call. Any other failure before the first content moves it on to who else can answer; when nobody
else can, a provider that is busy, broken or timed out by its own word is asked again. What the
gateway has waited for in vain is not waited for twice, and a fault of the platform's own account is
not asked again. After the first content a failure is an error event, which the SDKs raise.
"""

from enum import StrEnum
from typing import NamedTuple

RETRIES = 2
"""How often a deployment is asked again by default (`routing.retries`)."""
PAUSES_S = 0.25 + 0.5
"""The longest pauses before the first and the second time, without a `retry-after`."""


class Shape(StrEnum):
    """Who serves the model that is asked for."""

    ALONE = "alone"
    """One deployment, which has the fault."""
    TWO = "two"
    """A second deployment, asked when the first has failed."""
    FALLBACK = "fallback"
    """One deployment, and another model that stands in for it."""


class Kind(StrEnum):
    """What becomes of the call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    MOVED_ON = "moved on"
    RAISED = "raised"


class Fate(NamedTuple):
    """What a fault comes to. `tries` is how often the provider is asked when it is alone."""

    kind: Kind
    status: int = 200
    code: str | None = None
    tries: int = 1
    lasts_s: float = 0.0
    """How long the gateway waits for a provider in vain before it gives up."""
    pause_s: float = 0.0
    """How long a provider asks to be left alone."""
    should_retry: bool = True
    """The answer's `x-should-retry`."""
    retry_after: str | None = None


def answered() -> Fate:
    """No failure at all: only unusual."""
    return Fate(Kind.ANSWERED)


def refused(status: int, *, should_retry: bool = False) -> Fate:
    """The request is at fault: the provider's words are told, and nobody else is asked."""
    return Fate(Kind.REFUSED, status, "refused", should_retry=should_retry)


def broken(code: str = "upstream_error", status: int = 502) -> Fate:
    """The provider failed, and may be asked again."""
    return Fate(Kind.MOVED_ON, status, code, RETRIES + 1)


def busy(retry_after_s: int = 0, *, tries: int = RETRIES + 1) -> Fate:
    """The provider's rate limit."""
    told = str(retry_after_s) if retry_after_s else None
    pause_s = float(retry_after_s) if tries > 1 else 0.0
    return Fate(Kind.MOVED_ON, 429, "rate_limit_exceeded", tries, pause_s=pause_s, retry_after=told)


def own_fault(code: str) -> Fate:
    """The platform's account or deployment is at fault: asking again does not help."""
    return Fate(Kind.MOVED_ON, 502, code, should_retry=False)


def silent(code: str, after_s: float) -> Fate:
    """The gateway's own limit ended a silence: it is not waited for again."""
    return Fate(Kind.MOVED_ON, 504, code, lasts_s=after_s)


def raised(code: str = "upstream_error", after_s: float = 0.0) -> Fate:
    """A failure after the first content: the SDK raises, and nobody else is asked."""
    return Fate(Kind.RAISED, 200, code, lasts_s=after_s)


class Promise(NamedTuple):
    """What must be seen of a fault where a model has this shape."""

    status: int
    code: str | None
    asked: tuple[int, int]
    """Requests at the provider with the fault, and at the one without."""
    attempts: tuple[str | None, ...]
    """The errors of the attempts in the ledger's row; None for the one that answered."""
    outcome: str
    least_s: float
    most_s: float


def promised(fate: Fate, shape: Shape) -> Promise:
    """Return what this fate comes to with this shape; times without what a busy machine adds."""
    if fate.kind is Kind.ANSWERED:
        return Promise(200, None, (1, 0), (None,), "finished", 0.0, 0.0)
    if fate.kind is Kind.MOVED_ON and shape is not Shape.ALONE:
        attempts = (fate.code, None)
        return Promise(200, None, (1, 1), attempts, "finished", fate.lasts_s, fate.lasts_s)
    outcome = "refused" if fate.kind is Kind.REFUSED else "failed"
    least_s = fate.tries * fate.lasts_s + (fate.tries - 1) * fate.pause_s
    most_s = least_s + (PAUSES_S if fate.tries > 1 else 0.0)
    attempts = (fate.code,) * fate.tries
    return Promise(fate.status, fate.code, (fate.tries, 0), attempts, outcome, least_s, most_s)
