"""The route of `POST /admin/explain`."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from llmproxy.application.registry import Registry
from llmproxy.domain.errors import SlowUpload, TooLarge
from llmproxy.infra.controllers.admin.bodies import documented
from llmproxy.infra.controllers.admin.explain import Explainer
from llmproxy.infra.controllers.admin.route import UNKNOWN, router
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.controllers.visit import ClientGone
from llmproxy.infra.schemas.explain import ExplainRequest, Explanation

EXAMPLE = {
    "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]},
    "as": {"project": "alpha"},
}


def explain_routes(
    registry: Registry, explainer: Callable[[], Explainer], *, body_timeout_s: float
) -> APIRouter:
    """Return the route; it needs an admin key. `explainer` is asked for once the server serves.

    A body may be silent for `body_timeout_s`.
    """
    routes = router()

    @routes.post(
        "/explain",
        response_model=Explanation,
        responses=UNKNOWN,
        openapi_extra=documented(ExplainRequest, EXAMPLE),
    )
    async def explain(request: Request) -> Response:
        """Say what would become of a request, without calling anyone."""
        caller = registry.administrator(*credentials(request.scope))
        explaining = explainer()
        raw = await _whole(request, explaining.max_bytes, body_timeout_s)
        return Response(await explaining(raw, caller), media_type="application/json")

    return routes


async def _whole(request: Request, max_bytes: int, silence_s: float) -> bytes:
    """Return the body as it is. Raises TooLarge, SlowUpload or ClientGone."""
    body = bytearray()
    pieces = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(silence_s):
                body += await anext(pieces)
        except StopAsyncIteration:
            return bytes(body)
        except ClientDisconnect as error:
            raise ClientGone from error
        except TimeoutError as error:
            raise SlowUpload(f"The request body stopped arriving for {silence_s:g} s.") from error
        if len(body) > max_bytes:
            raise TooLarge(
                f"The request body is larger than {max_bytes} bytes.",
                hint="Larger ones are explained by the command, without --url: `llmproxy explain`.",
            )
