"""Ours with models of one deployment and of eight, which all lead to the same upstream."""

from dataclasses import dataclass

from typing_extensions import override

from bench.gateway import Site
from bench.ours import LLMProxy
from bench.samples import ALONE, DOWN, LATENCY, OUTSTANDING, WEIGHTED

WEIGHTS = (8, 5, 4, 3, 2, 2, 1, 1)
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its deployments: their weights, and who of them is asked first."""

    name: str
    weights: tuple[int, ...]
    strategy: str
    down: int = 0
    """So many of them, from the first on, cannot be reached."""

    def ids(self) -> list[str]:
        """Name its documents."""
        return [f"{self.name}-{number}" for number in range(len(self.weights))]


MODELS = {
    model.name: model
    for model in (
        Model(ALONE, (1,), "weighted"),
        Model(WEIGHTED, WEIGHTS, "weighted"),
        Model(OUTSTANDING, WEIGHTS, "least_outstanding"),
        Model(LATENCY, WEIGHTS, "lowest_latency"),
        Model(DOWN, WEIGHTS, "weighted", down=1),
    )
}


class Routed(LLMProxy):
    """Ours with these models beside the others: one process, so that a pair differs in no other."""

    name = "ours-routed"
    title = "LLM Proxy with models of one and of eight deployments"

    @override
    def _documents(self, site: Site) -> list[dict[str, object]]:
        documents = super()._documents(site)
        for model in MODELS.values():
            for place, identifier in enumerate(model.ids()):
                document = self._document(identifier, site)
                if place < model.down:
                    document["parameters"] = {
                        "secret_name": "BENCH_UPSTREAM_KEY",
                        # Ours listens on one port only: nobody has the other.
                        "endpoint": f"http://127.0.0.1:{site.spare_port}/v1",
                    }
                documents.append(document | _routed(model, place))
        return documents


def _routed(model: Model, place: int) -> dict[str, object]:
    return {
        "code": model.name,
        "weight": model.weights[place],
        "priority": 0,
        "routing": {"strategy": model.strategy, "retries": _RETRIES},
    }
