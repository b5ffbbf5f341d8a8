"""Ours with limits and a cache, in memory and in Redis, and an earlier build without a ledger."""

from pathlib import Path

from typing_extensions import override

from bench.gateway import Site
from bench.ours import PYTHON, LLMProxy
from bench.samples import EARLIER, FREE, LIMITED, SHARED

PROJECT = "bench"
_MANY, _VERY_MANY = 10**9, 10**12
"""Limits that are counted and never reached."""
_OF_KEY = (
    f"requests_per_minute={_MANY}",
    f"tokens_per_minute={_VERY_MANY}",
    f"cost_per_day={_MANY}",
    f"cost_per_month={_MANY}",
    f"concurrent_requests={_MANY}",
)
_OF_PROJECT = (f"tokens_per_minute={_VERY_MANY}", f"cost_per_month={_MANY}")
_OF_MODEL = {"requests_per_minute": _MANY}


class Free(LLMProxy):
    """Ours with a key without limits and a model without a cache, as in the other parts."""

    name = FREE
    title = "no limits, no cache"


class Limited(LLMProxy):
    """Ours with limits of the key, of its project and of the model, and the model's cache on."""

    name = LIMITED
    title = "limits and cache in memory"

    @override
    def _document(self, name: str, site: Site) -> dict[str, object]:
        return super()._document(name, site) | {"model_limits": _OF_MODEL, "cache": True}

    @override
    def _new_key(self, site: Site) -> str:
        self._run(site, "projects", "limit", PROJECT, *_options(_OF_PROJECT))
        return self._run(site, "keys", "create", "--project", PROJECT, *_options(_OF_KEY)).strip()


class Shared(Limited):
    """The same, counted and kept in Redis."""

    name = SHARED
    title = "limits and cache in Redis"

    def __init__(self, other_models: int, url: str) -> None:
        super().__init__(other_models)
        self._url = url

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {"REDIS_URL": self._url}


class Earlier(LLMProxy):
    """An earlier build: the sources in a folder, run by the Python of the present environment."""

    name = EARLIER
    title = "an earlier build, without a ledger"

    def __init__(self, other_models: int, folder: Path) -> None:
        super().__init__(other_models)
        self._sources = folder / "src"

    @property
    @override
    def launcher(self) -> list[str]:
        return [str(PYTHON), "-m", "llmproxy"]

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {"PYTHONPATH": str(self._sources)}


def _options(limits: tuple[str, ...]) -> list[str]:
    return [word for limit in limits for word in ("--limit", limit)]
