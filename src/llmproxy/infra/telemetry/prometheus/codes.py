"""Codes of errors as values of a label: a bounded set, whatever a provider says.

A refusal and an error in the middle of a stream carry the provider's own code. It is told to the
caller and kept in the ledger; as a label it is one of these, or one word for all others.
"""

from typing import Final

from llmproxy.application.interfaces.journal import Outcome

NONE: Final = "none"
REFUSED: Final = "upstream_refused"
"""The provider refused the request as the caller wrote it, with a code that is not known here."""
FAILED: Final = "upstream_said"
"""It failed with a code that is not known here."""
KNOWN: Final = frozenset(
    (
        # What a provider may say, in OpenAI's words (`application/steps/causes.py`).
        "context_length_exceeded",
        "content_filter",
        # What the gateway says of a provider (`domain/errors.py`, `infra/providers`).
        "model_not_ready",
        "rate_limit_exceeded",
        "upstream_connect_timeout",
        "upstream_connection_lost",
        "upstream_credentials",
        "upstream_dns_failed",
        "upstream_error",
        "upstream_first_token_timeout",
        "upstream_idle_timeout",
        "upstream_misconfigured",
        "upstream_quota",
        "upstream_timeout",
        "upstream_tls_failed",
        "upstream_total_timeout",
        "upstream_unreachable",
        # What it says of itself, of limits, and of calls in flight.
        "budget_currency",
        "budget_reserved",
        "cancelled",
        "failed",
        "gateway_stopping",
        "insufficient_quota",
        "internal_error",
        "ledger_unavailable",
        "limits_unavailable",
        "limits_unenforceable",
        "operation_not_supported",
        "out_of_connections",
        "outpaced",
        "overloaded",
        "price_missing",
        "request_timeout",
        "request_too_large",
        "service_unavailable",
        "upload_lost",
        # What a translated provider's request cannot hold, found after admission.
        "audio_too_long",
        "empty_array",
        "image_too_large",
        "invalid_type",
        "invalid_value",
        "missing_required_parameter",
        "previous_response_not_found",
        "string_above_max_length",
        "unknown_parameter",
        "unsupported_parameter",
        "unsupported_value",
        "untranslatable",
    )
)
_REFUSALS: Final = frozenset((400, 404, 409, 413, 422))
"""Statuses with which a provider refuses what the caller wrote."""


def code_of_call(error: str | None, outcome: Outcome) -> str:
    """Return the label of how a call ended."""
    if error is None or error in KNOWN:
        return error or (REFUSED if outcome is Outcome.REFUSED else NONE)
    return REFUSED if outcome is Outcome.REFUSED else FAILED


def code_of_attempt(error: str | None, status: int | None) -> str:
    """Return the label of how an attempt ended. `failed` stands for a failure without a code."""
    if error is None:
        return NONE
    if error in KNOWN and not (error == "failed" and status in _REFUSALS):
        return error
    return REFUSED if status in _REFUSALS else FAILED
