"""What is probably not meant so, in what documents say of the routing of their models."""

from collections.abc import Iterator

from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.routing import disputes, first_stated


def routing_doubts(snapshot: Snapshot) -> Iterator[str]:
    """Yield documents that contradict others of their model, and fallbacks that are no model."""
    for code, group in snapshot.by_code.items():
        for first, other in disputes([(each.model.id, each.model.routing) for each in group]):
            yield (
                f"{other}: says another routing of the model {code} than {first}, "
                "which was registered before and stands"
            )
        routing = first_stated(each.model.routing for each in group)
        for name in dict.fromkeys(name for names in routing.fallbacks.values() for name in names):
            if name not in snapshot.by_code and name not in snapshot.by_id:
                yield f"{code}: its fallback {name} is no model"
