"""What a failure allows: other models that are named for it, and asking the same one again."""

from typing import Final

from llmproxy.domain.errors import (
    Broken,
    BudgetSpent,
    Busy,
    GatewayError,
    OwnFault,
    RateLimited,
    Refused,
    TimedOut,
    UpstreamError,
)
from llmproxy.domain.routing import Cause

_CAUSES: Final = {
    "context_length_exceeded": Cause.CONTEXT_TOO_LONG,
    "content_filter": Cause.CONTENT_FILTER,
}
"""Codes of refusals: those of OpenAI (platform.openai.com/docs/guides/error-codes) and of Azure
(learn.microsoft.com, "Content filtering"); other vendors' words are translated into them."""
OUR_OWN: Final = frozenset({"upload_lost"})
"""Failures that are this gateway's: no provider helps."""


def cause_of(error: GatewayError | None) -> Cause:
    """Return what fallbacks call this failure."""
    if isinstance(error, Busy):
        return Cause.BUSY
    if isinstance(error, Refused):
        return _CAUSES.get(error.code or "", Cause.ANY)
    return Cause.ANY


def limit_of(error: GatewayError) -> tuple[str, str] | None:
    """Return the limit of this gateway that has refused: the kind of its scope, and its field."""
    return error.limit if isinstance(error, RateLimited | BudgetSpent) else None


def asks_again_after(error: GatewayError) -> float | None:
    """Return the least wait in seconds before the same deployment may be asked again.

    None: it is not asked again. What this gateway has waited for in vain is not waited for twice.
    """
    if isinstance(error, Busy):
        return None if error.should_retry is False else error.retry_after_s or 0.0
    if isinstance(error, Broken):
        return None if error.code in OUR_OWN else error.retry_after_s or 0.0
    if isinstance(error, TimedOut) and error.upstream_status is not None:
        return 0.0
    return None


def may_have_passed(error: GatewayError) -> bool:
    """Return whether a deployment that answers others since may be asked again all the same.

    That is what the gateway has waited for in vain, and a fault of the platform's own account or
    deployment, which somebody has mended.
    """
    return isinstance(error, TimedOut | OwnFault)


def weightier(earlier: GatewayError | None, later: GatewayError) -> GatewayError:
    """Choose what the caller is told: a provider's failure before a reason not to ask one.

    A refusal of the request itself stands, whatever became of those that stood in.
    """
    if earlier is None:
        return later
    if isinstance(earlier, Refused):
        return earlier
    return later if isinstance(later, UpstreamError) else earlier
