"""The speed and size this gateway is held to, and whether a run held it.

Ratios of CPU time within one run: figures of different machines and days do not compare.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import payload, relayed, translated
from bench.samples import (
    DIRECT,
    LARGE,
    PACED,
    PLAIN,
    SINGLE,
    SMALL,
    STREAM,
    UNARY,
    WIDE,
    Footprint,
    Measure,
    Results,
    Sample,
    Scale,
    Spread,
    Stall,
    cpu_ratio,
    more_us,
    spread,
)

OURS = "ours"
ON_COSMOS = "ours-on-cosmos"


@dataclass(frozen=True, slots=True)
class Target:
    """One figure of ours beside its bound."""

    what: str
    most: float
    unit: str
    """`x` for a ratio, else the unit of both figures."""
    found: Spread | None
    why: str = ""
    """Why it was not measured."""

    @property
    def held(self) -> bool | None:
        """Whether the median is within the bound; None when it was not measured."""
        return None if self.found is None else self.found.median <= self.most


@dataclass(frozen=True, slots=True)
class _Pair:
    what: str
    peer: str
    kind: str
    most: float
    unit: str
    combine: Callable[[Sample, Sample], float]


def _added_p99_ms(ours: Sample, peer: Sample) -> float:
    return (ours.p99_us - peer.p99_us) / 1e3


def _added_p50_ms(ours: Sample, peer: Sample) -> float:
    return (ours.p50_us - peer.p50_us) / 1e3


_STREAM_WHAT = "CPU of a 50-chunk stream, saturated"
_PACED_WHAT = "the same paced, 200 streams, an event every 20 ms"
_PAIRS = (
    _Pair("CPU of a request, to sglang-router", "sglang", UNARY, 0.9, "x", cpu_ratio),
    _Pair("CPU of a request, to nginx", "nginx", UNARY, 6.0, "x", cpu_ratio),
    _Pair(f"{_STREAM_WHAT}, to sglang-router", "sglang", STREAM, 0.9, "x", cpu_ratio),
    _Pair(f"{_PACED_WHAT}: CPU, to sglang-router", "sglang", PACED, 0.8, "x", cpu_ratio),
    _Pair(
        f"{_PACED_WHAT}: delay of an event, p99 over direct",
        DIRECT,
        PACED,
        2.0,
        "ms",
        _added_p99_ms,
    ),
    _Pair("latency at concurrency 1, p50 over direct", DIRECT, SINGLE, 0.4, "ms", _added_p50_ms),
)
_RELAYED = (relayed.IMAGE, relayed.EDIT, relayed.SPEECH)
_MOST_TO_NGINX = 2.5
_TRANSLATED = {
    UNARY: ("CPU of a request", 700.0, 1),
    STREAM: ("CPU of a chunk, streams of 50, saturated", 150.0, payload.CHUNKS),
    PACED: ("CPU of a chunk, a chunk every 20 ms", 150.0, payload.CHUNKS),
}
"""What, at most so many µs, and how many of them are in one answer."""
_STALL_MS = 200.0
_UPLOADING_MB = 300.0
_COLD_START_S = 1.0
_IDLE_MB = 75.0
_ON_COSMOS_MB = 130.0
_LARGE_START_S = 5.0
_CHANGE_MS = 10.0
_SCALED = (
    (LARGE, UNARY, "CPU of a request"),
    (LARGE, SINGLE, "CPU of a request at concurrency 1"),
    (LARGE, STREAM, "CPU of a stream, saturated"),
    (WIDE, UNARY, "CPU of a request, all over 200 models and 200 keys"),
)
_STREAMING_MB = 250.0


def of_transport(results: Results, transport: str) -> Iterator[Target]:
    """List the targets of speed, for one way to the upstream."""
    for pair in _PAIRS:
        found = results.paired((OURS, pair.peer), transport, pair.kind, pair.combine)
        yield Target(pair.what, pair.most, pair.unit, found)
    yield _beside_litellm(results, transport)
    for kind in _RELAYED:
        found = results.paired((OURS, "nginx"), transport, kind, cpu_ratio)
        what = f"CPU per MB, {relayed.ASKS[kind].what}, to nginx"
        yield Target(what, _MOST_TO_NGINX, "x", found)


def _beside_litellm(results: Results, transport: str) -> Target:
    """LiteLLM is measured in rounds of its own, so its median stands for it."""
    litellm = results.value("litellm", transport, UNARY, lambda sample: sample.cpu_us_each)
    ours = results.of(OURS, transport, UNARY).values() if litellm else ()
    ratios = spread(sample.cpu_us_each / litellm.median for sample in ours if litellm)
    return Target("CPU of a request, to LiteLLM proxy (1/90)", 1 / 90, "x", ratios)


def _shared(parts: int) -> Measure:
    return lambda sample: sample.cpu_us_each / parts


def of_translated(results: Results, stalls: list[Stall]) -> Iterator[Target]:
    """List the targets of models whose wire is not OpenAI's."""
    for kind, shape in translated.SHAPES.items():
        what, most, share = _TRANSLATED[shape.mode]
        found = results.value(OURS, PLAIN, kind, _shared(share))
        yield Target(f"{shape.vendor} translated, {what}", most, "µs", found)
    longest = spread(stall.longest_ms for stall in stalls)
    yield Target(
        "longest stand of the event loop while LiteLLM is imported", _STALL_MS, "ms", longest
    )


def of_size(footprints: list[Footprint]) -> Iterator[Target]:
    """List the targets of start and memory."""
    ours = next((found for found in footprints if found.gateway == OURS), None)
    if ours is None:
        return
    yield Target("cold start to the first 200", _COLD_START_S, "s", spread(ours.starts_s))
    yield Target("RSS idle, one worker", _IDLE_MB, "MB", spread([ours.idle_bytes / 1e6]))
    streaming = [] if ours.streaming_bytes is None else [ours.streaming_bytes / 1e6]
    uploading = [] if ours.uploading_bytes is None else [ours.uploading_bytes / 1e6]
    yield Target("RSS with 200 uploads of 10 MB at once", _UPLOADING_MB, "MB", spread(uploading))
    yield Target(f"RSS with {ours.streams:,} open streams", _STREAMING_MB, "MB", spread(streaming))


def of_cosmos(footprints: list[Footprint], why: str) -> Target:
    """Return the target of memory with the registry in Cosmos DB; `why` it was not measured."""
    found = [each.idle_bytes / 1e6 for each in footprints if each.gateway == ON_COSMOS]
    what = "RSS idle, one worker, on Cosmos DB"
    return Target(what, _ON_COSMOS_MB, "MB", spread(found), why)


def of_scale(results: Results, scale: Scale | None) -> Iterator[Target]:
    """List the targets of a large registry: a request does not notice it, nor does a change."""
    for name, kind, what in _SCALED:
        small = results.value(SMALL, PLAIN, kind, lambda sample: sample.cpu_us_each)
        # The median of the large one must lie within the range of the small one.
        most = small.high - small.median if small else 0.0
        more = results.paired((name, SMALL), PLAIN, kind, more_us)
        yield Target(f"large registry, {what}, more than with a small one", most, "µs", more)
    large = [each for each in scale.registries if each.name == LARGE] if scale else []
    starts = spread(each for held in large for each in held.starts_s)
    yield Target("large registry, start to the first 200", _LARGE_START_S, "s", starts)
    changes = scale.changes if scale else []
    stand = "large registry, longest stand of the event loop when"
    models, keys = (each.model_ms for each in changes), (each.key_ms for each in changes)
    yield Target(f"{stand} a model changes", _CHANGE_MS, "ms", spread(models))
    yield Target(f"{stand} a key is made or revoked", _CHANGE_MS, "ms", spread(keys))
