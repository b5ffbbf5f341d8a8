"""What can go wrong, in one tree; `infra/controllers/errors.py` gives each leaf its HTTP status.

```
GatewayError                code, message, param, hint
  CallerError               the caller can mend it
    Unauthenticated         no key, or one that is unknown, revoked or expired
    Forbidden               the key is real but may not do this
    InvalidRequest          a field is missing or wrong (param names it)
    UnknownModel            no such model for this caller
    UnknownResponse         no such response for this caller
    OperationNotSupported   the model exists but does not offer this operation
    PriceMissing            the model has no price and is not marked free
    BudgetSpent             a budget is exhausted
    RateLimited             a limit per time is reached (retry_after_s)
    TooLarge                the body passes the limit
    SlowUpload              the body stopped arriving
    UnknownUrl              no operation lives at this path
    WrongMethod             the path exists, the method does not (allowed)
    UnsupportedEndpoint     OpenAI serves this path, this gateway does not
    UnknownItem             administration: no model, key or project has this id
    AlreadyExists           administration: one with this id is there already, or is in use
    EtagMismatch            administration: somebody else has changed it since
    ReadOnly                administration: documents come from files here
    LimitsNeedRedis         administration: several workers cannot count without it
    IdempotencyKeyReused    the key came with another body before
    IdempotencyInProgress   another worker still answers the first one (retry_after_s)
  UpstreamError             the provider failed or refused
    Busy                    the provider's limit is reached (retry_after_s)
    TimedOut                the provider stayed silent too long
    Refused                 the provider refused the request and said why (error, status)
    Broken                  the provider failed, or its answer makes no sense
    OwnFault                the platform's account, credential or deployment is at fault
  Unavailable               this gateway cannot serve now (retry_after_s)
``` `code` is a word a program can switch on, never an HTTP number. `hint` says what to do next and
ends the message that callers read. `detail` is for the log only: it may hold the provider's words
and is never sent to a caller.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from llmproxy.domain.limit import Quota


class GatewayError(Exception):
    """The root of everything that is answered with an error envelope."""

    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = f"{message} {hint}".rstrip()
        self.param = param
        self.hint = hint
        self.detail = detail


class CallerError(GatewayError):
    """The request is at fault; sending it again unchanged will fail again."""


class Unauthenticated(CallerError):
    """No key, or one that is unknown, revoked or expired."""

    default_code = "invalid_api_key"


class Forbidden(CallerError):
    """The key is real but may not do this."""

    default_code = "forbidden"


class InvalidRequest(CallerError):
    """A field is missing or wrong; `param` names it."""


class UnknownModel(CallerError):
    """No such model for this caller: unknown and invisible are told in the same words."""

    default_code = "model_not_found"


class UnknownResponse(CallerError):
    """No such response for this caller: another project's is told in the same words."""


class OperationNotSupported(CallerError):
    """The model exists but its document does not list this operation."""

    default_code = "operation_not_supported"


class PriceMissing(CallerError):
    """The model has no price and its document does not say `"free": true`."""

    default_code = "price_missing"


class BudgetSpent(CallerError):
    """A budget is exhausted; no retry can help before it is raised or renewed."""

    default_code = "insufficient_quota"
    quota: Quota | None = None
    limit: tuple[str, str] | None = None
    """The kind of its scope, such as `key`, and its field, such as `cost_per_month`."""


class TooLarge(CallerError):
    """The body passes `MAX_BODY_BYTES`."""

    default_code = "request_too_large"


class SlowUpload(CallerError):
    """The body stopped arriving."""

    default_code = "request_timeout"


class UnknownUrl(CallerError):
    """No operation lives at this path."""

    default_code = "unknown_url"


class WrongMethod(CallerError):
    """The path exists, the method does not; `allowed` is the value of the `allow` header."""

    default_code = "method_not_supported"

    def __init__(self, message: str, *, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class UnsupportedEndpoint(CallerError):
    """A path of OpenAI's API that this gateway leaves out; the hint says what to use."""

    default_code = "unsupported_endpoint"


class UnknownItem(CallerError):
    """No model, key or project has this id; told to administrators only."""

    default_code = "not_found"


class AlreadyExists(CallerError):
    """One with this id is there already, or is still in use."""

    default_code = "already_exists"


class EtagMismatch(CallerError):
    """The etag that was given is not the present one: somebody else has made a change."""

    default_code = "etag_mismatch"


class ReadOnly(CallerError):
    """Documents come from files here and are changed there."""

    default_code = "read_only"


class LimitsNeedRedis(CallerError):
    """Several workers count limits together only over Redis, and there is none."""

    default_code = "limits_need_redis"


class IdempotencyKeyReused(CallerError):
    """An `Idempotency-Key` came with another body than before."""

    default_code = "idempotency_key_reused"


class Later(GatewayError):
    """Sending the same request again after `retry_after_s` seconds may succeed."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str | None = None,
        param: str | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message, code=code, param=param, detail=detail)
        self.retry_after_s = retry_after_s


class RateLimited(Later, CallerError):
    """A limit of this gateway is reached; `quota` is what the limits leave, where it is known.

    A `final` one is told of a call that is larger than the whole limit: no waiting helps.
    """

    default_code = "rate_limit_exceeded"
    quota: Quota | None = None
    limit: tuple[str, str] | None = None
    """As that of BudgetSpent."""
    final = False


class IdempotencyInProgress(Later, CallerError):
    """The first request with this `Idempotency-Key` is still being answered elsewhere."""

    default_code = "idempotency_in_progress"


class Unavailable(Later):
    """The gateway cannot serve now: overload, or a store that is away."""

    default_code = "service_unavailable"


class UpstreamError(GatewayError):
    """The provider failed or refused; `upstream_status` is what it said, when it said anything.

    `passing` are those of its headers that the caller may see; `should_retry` is its own word on
    sending the same request again, None when it said nothing.
    """

    upstream_status: int | None = None
    load_percent: float | None = None
    """How full the deployment says it is."""
    passing: Sequence[tuple[bytes, bytes]] = ()
    should_retry: bool | None = None
    quotes: bool = False
    """Whether `detail` repeats what a model answered, which is not for the log."""


class Busy(Later, UpstreamError):
    """The provider's own limit is reached."""

    default_code = "rate_limit_exceeded"


class TimedOut(UpstreamError):
    """The provider stayed silent longer than the limit.

    `by_client` says that it was the client's own, shorter limit: the provider is not to blame.
    """

    default_code = "upstream_timeout"
    by_client = False


class Refused(UpstreamError):
    """The provider refused the request as the caller wrote it and said why.

    `error` is the provider's own error object (OpenAI's four keys are guaranteed by the renderer),
    `status` its HTTP status.
    """

    def __init__(self, message: str, *, status: int, error: Mapping[str, object]) -> None:
        code = error.get("code")
        param = error.get("param")
        super().__init__(
            message,
            code=code if isinstance(code, str) else None,
            param=param if isinstance(param, str) else None,
        )
        self.upstream_status = status
        self.error = error


class Broken(Later, UpstreamError):
    """The provider failed, or its answer makes no sense."""

    default_code = "upstream_error"


class OwnFault(UpstreamError):
    """The platform's account, credential or deployment is at fault, not the caller.

    `code` is `upstream_credentials`, `upstream_misconfigured` or `upstream_quota`.
    """

    default_code = "upstream_misconfigured"
