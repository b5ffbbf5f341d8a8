"""LiteLLM's table of prices, out of its package where that is installed; it is not imported.

The package would take seconds and 195 MB; its table is a JSON file beside its code.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from llmproxy.domain.price_suggestion import Table

FILE: Final = "model_prices_and_context_window_backup.json"
MEND: Final = (
    "LiteLLM's table of prices is not here: start with `scripts/serve --with litellm`, or "
    "`pip install 'llmproxy[litellm]'` beside it"
)
MAX_BYTES: Final = 64 * 1024 * 1024
"""The table of LiteLLM 1.110.2 has some 3 MB."""


class PriceTable(NamedTuple):
    """The entries by name, and the version of the package that they came with."""

    entries: Table
    version: str


def price_table() -> PriceTable | None:
    """Return the table; None when LiteLLM is not installed, or has no table that can be read."""
    spec = find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / FILE
        try:
            if path.stat().st_size > MAX_BYTES:
                return None
            # Decimals, so that 0.00000125 times a million is 1.25 and nothing beside it.
            read = json.loads(path.read_text("utf-8"), parse_float=Decimal)
        except (OSError, ValueError):
            return None
        if not isinstance(read, Mapping):
            return None
        entries = {name: each for name, each in read.items() if isinstance(each, Mapping)}
        return PriceTable(entries, _version())
    return None


def _version() -> str:
    try:
        return version("litellm")
    except PackageNotFoundError:
        return "unknown"
