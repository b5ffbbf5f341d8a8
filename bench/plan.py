"""What a run measures, and for how long."""

from dataclasses import dataclass, replace
from typing import Self

SPEEDS = frozenset(("unary", "stream", "paced"))
PARTS = (
    "unary",
    "stream",
    "paced",
    "memory",
    "start",
    "tls",
    "embeddings",
    "bodies",
    "uploads",
    "translated",
    "scale",
    "money",
    "routing",
    "observe",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Chosen by the command line. Seconds are those of one measurement."""

    gateways: tuple[str, ...]
    parts: frozenset[str]
    rounds: int
    slow_rounds: int
    seconds: float
    single_s: float
    starts: int
    gateway_core: int
    load_core: int
    other_models: int
    connections: int = 64
    paced_streams: int = 200
    paced_translated: int = 100
    """Fewer, so that a gateway can keep the pace; LiteLLM cannot, and is not asked to."""
    pace_ms: int = 20
    open_streams: int = 2000
    uploads: int = 200
    upload_bytes: int = 10_000_000
    imports: int = 3
    """Of LiteLLM, while the event loop is watched."""
    few: int = 10
    """Models and keys of the small registry of the part `scale`, beside those of the large one."""
    many_models: int = 10_000
    many_keys: int = 100_000
    earlier: str = ""
    """Folder of an earlier build, for the part `money`; "" for none."""
    changes: int = 5
    """Of a model and of a key of the large one, while the event loop is watched."""

    @property
    def transports(self) -> tuple[str, ...]:
        """The ways to the upstream that are measured; `tls` as the only part means TLS alone."""
        if self.parts == {"tls"}:
            return ("tls",)
        return ("plain", "tls") if "tls" in self.parts else ("plain",)

    @property
    def paced_rounds(self) -> int:
        """Streams per connection of a paced run; one stream takes 50 events and lasts a second."""
        stream_s = 50 * self.pace_ms / 1000
        return max(2, round(self.seconds / stream_s))

    def wants(self, *parts: str) -> bool:
        """Whether one of these parts is measured."""
        chosen = SPEEDS if self.parts == {"tls"} else self.parts
        return not chosen.isdisjoint(parts)

    def warming(self) -> Self:
        """Give the same, as short as it goes."""
        return replace(self, seconds=1.0, single_s=1.0, paced_streams=64, paced_translated=32)


FULL = Plan(
    gateways=("nginx", "sglang", "litellm", "ours"),
    parts=frozenset(PARTS),
    rounds=7,
    slow_rounds=2,
    seconds=5.0,
    single_s=3.0,
    starts=5,
    gateway_core=1,
    load_core=0,
    other_models=1000,
)
"""The run that RESULTS.md is made of."""

QUICK = replace(
    FULL,
    gateways=("nginx", "sglang", "ours"),
    parts=frozenset(PARTS) - {"tls"},
    rounds=2,
    seconds=3.0,
    single_s=1.0,
    starts=1,
    changes=2,
)
"""For use while something is being made faster."""
