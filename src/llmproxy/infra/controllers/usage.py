"""`GET /v1/usage`: what a key used itself, and what its limits leave. OpenAI has no such path."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from llmproxy.application.interfaces.limiter import Limit, ScopeKind
from llmproxy.application.registry import Registry
from llmproxy.application.use_cases.read_usage import Own, OwnUsage, Span
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.controllers.visit import NAMED_PROJECT
from llmproxy.infra.schemas import usage as schemas
from llmproxy.infra.wire.usage_words import instant, money, sum_words

FAILURES: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "A parameter that is not known; there are none."},
    401: {"description": "`invalid_api_key`: no key, or one that is unknown, revoked or expired."},
    503: {"description": "The ledger, or what counts the limits, is away or busy."},
}
OWN: Final = frozenset({ScopeKind.KEY, ScopeKind.PROJECT})
"""Whose figures are the caller's own."""
_json = msgspec.json.Encoder().encode


def own_usage_routes(registry: Registry, own_usage: Callable[[], OwnUsage]) -> APIRouter:
    """Return the route. `own_usage` is asked for once the server serves."""
    router = APIRouter(tags=["models"])

    @router.get("/v1/usage", response_model=schemas.OwnUsage, responses=FAILURES)
    async def read_own_usage(request: Request) -> Response:
        """Say what this key used today and this month, by model, and what is left to it.

        Days and months are of UTC. `limits` are those of the key, its project, and the models that
        it may use; others share the latter two.
        """
        caller = registry.authenticate(
            *credentials(request.scope),
            lambda: dict(request.scope["headers"]).get(NAMED_PROJECT),
        )
        for name in request.query_params:
            raise InvalidRequest(
                f"Unknown parameter: '{name[:100]}'.", param=name[:100], code="unknown_parameter"
            )
        own = await own_usage()(caller)
        body = _json(_words(own))
        headers = {"cache-control": "no-store"}
        return Response(body, media_type="application/json", headers=headers)

    return router


def _words(own: Own) -> dict[str, Any]:
    caller = own.caller
    return {
        "object": "usage",
        "key": None if caller.anonymous else caller.key_id,
        "project": caller.tag if caller.anonymous else caller.project,
        "at": instant(own.at),
        "day": _span_words(own.day),
        "month": _span_words(own.month),
        "limits": [_limit_words(each, own.at) for each in own.limits],
    }


def _span_words(span: Span) -> dict[str, Any]:
    return {
        "since": instant(span.since, "auto"),
        "data": [sum_words(each, ("model",)) for each in span.report.groups],
        "totals": [sum_words(each, ()) for each in span.report.totals],
    }


def _limit_words(limit: Limit, at: float) -> dict[str, Any]:
    """Say how a limit stands. Of a model's only what is left: others have used it too."""
    kind, _, name = limit.scope.partition(" ")
    shared = kind not in OWN
    amounts = {
        "most": limit.most,
        "used": None if shared else limit.used,
        "held": None if shared else limit.held,
        "left": max(0, limit.most - limit.used - limit.held),
    }
    if limit.currency:
        shown: dict[str, Any] = {
            word: None if nano is None else money(nano) for word, nano in amounts.items()
        }
    else:
        shown = dict(amounts)
    reset_s = limit.reset_s
    return {
        "scope": kind,
        "name": name,
        "limit": limit.setting,
        "currency": limit.currency or None,
        **shown,
        "reset_s": reset_s,
        "resets_at": None if reset_s is None else round(at + reset_s, 3),
    }
