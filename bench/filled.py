"""Ours with a small and with a large registry, and ours on Cosmos DB."""

import json
import subprocess
from typing import Any

from typing_extensions import override

from bench.gateway import ROOT, PreparationError, Site, programs_environment
from bench.ours import PYTHON, LLMProxy

ALIKE, WIDE = "alike.txt", "wide.txt"
"""Files of models and keys that requests take turns over: as many in either registry, so that only
their size differs; and more of them than the small one has."""
_ALIKE, _WIDE = 10, 200


class Filled(LLMProxy):
    """Ours with so many models and keys."""

    def __init__(self, name: str, models: int, keys: int) -> None:
        super().__init__(models - 1)
        self.name = name
        self.keys = keys
        self.title = f"LLM Proxy, {models:,} models and {keys:,} keys"

    @property
    def models(self) -> int:
        """How many are registered."""
        return self.other_models + 1

    @override
    def prepare(self, site: Site) -> str:
        documents = self._documents(site)
        keys = self._fill(site, {"documents": documents, "keys": self.keys})
        names = [str(document["id"]) for document in documents]
        for file, count in ((ALIKE, _ALIKE), (WIDE, _WIDE)):
            lines = [f"key {key}" for key in _spread(keys, count)]
            lines += [f"model {name}" for name in _spread(names, count)]
            (site.folder / file).write_text("\n".join(lines) + "\n")
        return keys[0]

    def _fill(self, site: Site, wanted: dict[str, Any]) -> list[str]:
        ran = subprocess.run(
            [str(PYTHON), "-m", "bench.filling"],
            input=json.dumps({"data_dir": str(site.folder / "data"), **wanted}),
            cwd=ROOT,
            env=programs_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise PreparationError(f"the store could not be filled: {ran.stderr[-1000:]}")
        return ran.stdout.split()


class OnCosmos(LLMProxy):
    """Ours with its registry in Cosmos DB: an emulator of it, spoken to by the vendor's SDK."""

    name = "ours-on-cosmos"
    title = "LLM Proxy on Cosmos DB"
    at_rest = True

    def __init__(self, other_models: int, url: str, key: str) -> None:
        super().__init__(other_models)
        self._url = url
        self._key = key

    @override
    def prepare(self, site: Site) -> str:
        self._run(site, "registry", "init")
        return super().prepare(site)

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {"COSMOS_URL": self._url, "COSMOS_KEY": self._key}


def _spread(names: list[str], count: int) -> list[str]:
    """Pick some that lie as far apart as they can."""
    count = min(len(names), count)
    return [names[at * len(names) // count] for at in range(count)]
