"""What every limiter asks of the past: the ledger, within a time, and where a call counts."""

import asyncio
from collections.abc import Collection

from llmproxy.application.interfaces.limiter import (
    History,
    Past,
    Reservation,
    Scope,
    ScopeKind,
    Told,
)
from llmproxy.domain.errors import Unavailable


async def history_within(
    patience_s: float, past: Past, scopes: Collection[Scope], now: float
) -> History:
    """Read what the ledger knows of these scopes. Raises Unavailable, also when that takes long."""
    try:
        async with asyncio.timeout(patience_s):
            return await past.history(scopes, now)
    except TimeoutError as error:
        raise Unavailable(
            "What this key, project or model has used cannot be looked up now.",
            code="limits_unavailable",
            retry_after_s=1.0,
        ) from error


def places_of(call: Told | Reservation) -> list[tuple[ScopeKind, str]]:
    """Return the scopes, by kind and name, in which a call counts, limited or not."""
    places = [(ScopeKind.KEY, call.key_id)]
    if call.project is not None:
        places.append((ScopeKind.PROJECT, call.project))
    places.append((ScopeKind.MODEL, call.model))
    if call.deployment is not None:
        places.append((ScopeKind.DEPLOYMENT, call.deployment))
    return places
