"""What is probably not meant so, in what documents say of the routing of their models."""

import asyncio
from collections.abc import Iterator
from typing import Final

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.routing import disputes, first_stated

TOGETHER: Final = 500
"""So many models are looked at before others have a turn: of those that say much, 2 ms."""


async def routing_doubts(snapshot: Snapshot, most: int) -> list[str]:
    """Return documents that contradict others of their model, and fallbacks that are no model.

    At most so many. While it looks through many models, others have their turns.
    """
    found: list[str] = []
    for number, (code, group) in enumerate(snapshot.by_code.items(), start=1):
        if number % TOGETHER == 0:
            await asyncio.sleep(0)
        if any(each.model.routing is not None for each in group):
            found += _doubts(snapshot, code, group)
            if len(found) >= most:
                return found[:most]
    return found


def _doubts(snapshot: Snapshot, code: str, group: tuple[Deployment, ...]) -> Iterator[str]:
    for first, other in disputes([(each.model.id, each.model.routing) for each in group]):
        yield (
            f"{other}: says another routing of the model {code} than {first}, "
            "which was registered before and stands"
        )
    routing = first_stated(each.model.routing for each in group)
    for name in dict.fromkeys(name for names in routing.fallbacks.values() for name in names):
        if name not in snapshot.by_code and name not in snapshot.by_id:
            yield f"{code}: its fallback {name} is no model"
