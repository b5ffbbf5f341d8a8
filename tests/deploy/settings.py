"""What the gateway can be told, for manifests to be compared with."""

import re
from collections.abc import Mapping
from pathlib import Path

from llmproxy.config.settings import LifeSettings, Settings

ROOT = Path(__file__).parents[2]
AFTER_S = 50
"""What comes behind the two times, and room: docs/lifecycle.md."""
KNOWN = frozenset(
    re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
)
"""Every variable of `.env.example`, which a test compares with the code."""


def end_s(variables: Mapping[str, str]) -> float:
    """How long a gateway with these settings may take from SIGTERM to its end."""
    delay = float(variables.get("DRAIN_DELAY_S", LifeSettings.drain_delay_s))
    return delay + float(variables.get("SHUTDOWN_TIMEOUT_S", LifeSettings.shutdown_timeout_s))


def spooled_bytes(variables: Mapping[str, str]) -> int:
    """What its uploads may hold in `/tmp` together."""
    return int(variables.get("MAX_SPOOLED_BYTES", Settings.max_spooled_bytes))


def bytes_of(quantity: str) -> int:
    """A quantity of Kubernetes (Mi, Gi) or of Docker (m, g)."""
    found = re.fullmatch(r"(\d+)\s*([KMGkmg])i?b?", quantity)
    assert found is not None, quantity
    return int(found[1]) * 1024 ** ("KMG".index(found[2].upper()) + 1)
