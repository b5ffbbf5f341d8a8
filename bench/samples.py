"""What one measurement says, and medians and ratios of several."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

DIRECT = "direct"
PLAIN, TLS = "plain", "tls"
# Kinds of measurement.
UNARY, SINGLE, STREAM, PACED = "unary", "single", "stream", "paced"
# Gateways of the part `scale`: ours with two registries.
SMALL, LARGE = "small", "large"
WIDE = "wide"
"""The large one, asked for more models and keys than the small one has."""
# Gateways of the part `money`: an earlier build, and ours without limits and with them.
EARLIER, FREE, LIMITED, SHARED = "earlier", "free", "limited", "shared"
AGAIN, SHARED_AGAIN = "again", "shared-again"
"""`limited` and `shared`, asked the same question again and again."""
# Models of the part `routing`: of one deployment, and of eight in several strategies.
ALONE, WEIGHTED = "alone", "weighted"
OUTSTANDING, LATENCY = "least-outstanding", "lowest-latency"
ONCE_MORE = "alone-once-more"
"""`alone`, measured a second time in each round: how far the same strays from itself."""
DOWN, BESIDE_DOWN = "one-down", "alone-beside-down"
"""Eight of which one cannot be reached; and `alone` again, while that is so."""
# Gateways of the part `observe`: watched in no way, as in production, and traced.
UNOBSERVED, OBSERVED = "unobserved", "observed"
TRACED_SOME, TRACED_ALL = "traced-some", "traced-all"
OBSERVED_TWIN = "observed-twin"
"""Another process of `observed`: what both differ by is noise."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one gateway. Of `direct`, which has no gateway, the CPU is 0."""

    gateway: str
    transport: str
    """`plain` or `tls`: the way between gateway and upstream."""
    kind: str
    round: int
    answers: int
    """Answered requests, or streams that ended in `[DONE]`."""
    failed: int
    seconds: float
    cpu_us: float
    """User and system time of the gateway's process tree, whole run."""
    p50_us: float
    """Latency of a request; of a paced stream the delay of an event."""
    p99_us: float
    events: int = 0
    foreign: float = 0.0
    """Share of the gateway's core that other processes used meanwhile: noise."""
    reason: str = ""
    threads_us: float = 0.0
    """Of `cpu_us`, what the threads beside the event loop used: the ledger's."""
    beside_us: float = 0.0
    """CPU of Redis meanwhile, which is not in `cpu_us`."""

    @property
    def cpu_us_each(self) -> float:
        """Gateway's CPU per answer."""
        return self.cpu_us / self.answers if self.answers else float("nan")

    @property
    def threads_us_each(self) -> float:
        """CPU of the threads beside the event loop per answer; it is in `cpu_us_each`."""
        return self.threads_us / self.answers if self.answers else float("nan")

    @property
    def beside_us_each(self) -> float:
        """CPU of Redis per answer."""
        return self.beside_us / self.answers if self.answers else float("nan")

    @property
    def cpu_us_per_event(self) -> float:
        """Gateway's CPU per event of a stream."""
        return self.cpu_us / self.events if self.events else float("nan")

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def busy(self) -> float:
        """Share of its core that the gateway used; well below 1 the load was the limit.

        Above 1 where it had something left to do when the load ended.
        """
        return self.cpu_us / 1e6 / self.seconds


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a gateway needs before and beside the work. Byte counts are RSS of the process tree."""

    gateway: str
    starts_s: list[float]
    """From the start of the process to the first 200 on a chat completion, per start."""
    idle_bytes: int
    streaming_bytes: int | None
    """While `streams` streams are open; None when they could not all be opened."""
    streams: int
    note: str = ""
    uploading_bytes: int | None = None
    """At most, while the plan's uploads are under way."""


@dataclass(frozen=True, slots=True)
class Stall:
    """What importing LiteLLM does to the event loop of a process (`bench/stall.py`)."""

    longest_ms: float
    """The longest time that it stood still meanwhile."""
    idle_ms: float
    """The same before, with nothing to do: what the machine does to it."""
    import_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """What a registry costs beside the work (`bench/scale.py`)."""

    name: str
    models: int
    keys: int
    starts_s: list[float]
    idle_bytes: int
    """RSS after the start, before any load."""
    peak_bytes: int
    """The most that RSS has been, all load included."""


@dataclass(frozen=True, slots=True)
class Change:
    """The longest that the event loop stood still (`bench/changing.py`)."""

    idle_ms: float
    """With nothing to do: what the machine does to it."""
    model_ms: float
    """When one model was changed."""
    key_ms: float
    """When a key was made or revoked."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A small and a large registry beside their samples, and changes of the large one."""

    registries: list[Held]
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Money:
    """What of the part `money` was not measured, and why; "" where it was (`bench/money.py`)."""

    no_redis: str
    no_earlier: str


@dataclass(frozen=True, slots=True)
class Shares:
    """How the calls for a model of the part `routing` fell on its deployments."""

    name: str
    weights: tuple[int, ...]
    answers: list[int]
    """Of each, in the order of the weights, since the gateway began."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range."""

    median: float
    low: float
    high: float
    count: int


Measure = Callable[[Sample], float]


def spread(values: Iterable[float]) -> Spread | None:
    """Median and range; None of nothing."""
    found = sorted(values)
    if not found:
        return None
    return Spread(statistics.median(found), found[0], found[-1], len(found))


class Results:
    """All samples of a run."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def of(self, gateway: str, transport: str, kind: str) -> dict[int, Sample]:
        """Pick samples by round."""
        return {
            sample.round: sample
            for sample in self._samples
            if (sample.gateway, sample.transport, sample.kind) == (gateway, transport, kind)
            and sample.answers
        }

    def value(self, gateway: str, transport: str, kind: str, measure: Measure) -> Spread | None:
        """One figure of one gateway over its rounds."""
        return spread(measure(sample) for sample in self.of(gateway, transport, kind).values())

    def paired(
        self,
        pair: tuple[str, str],
        transport: str,
        kind: str,
        combine: Callable[[Sample, Sample], float],
    ) -> Spread | None:
        """Make a figure of two gateways measured in the same round, over the rounds both have."""
        first, second = (self.of(gateway, transport, kind) for gateway in pair)
        return spread(combine(first[i], second[i]) for i in first.keys() & second.keys())


def together(slices: list[Sample], turn: int) -> Sample:
    """Make one sample of the slices of one gateway. Latencies are medians of theirs."""
    return replace(
        slices[0],
        round=turn,
        answers=sum(each.answers for each in slices),
        seconds=sum(each.seconds for each in slices),
        cpu_us=sum(each.cpu_us for each in slices),
        threads_us=sum(each.threads_us for each in slices),
        p50_us=statistics.median(each.p50_us for each in slices),
        p99_us=statistics.median(each.p99_us for each in slices),
    )


def cpu_ratio(ours: Sample, peer: Sample) -> float:
    """CPU per answer, as a share of the peer's."""
    return ours.cpu_us_each / peer.cpu_us_each


def more_us(one: Sample, other: Sample) -> float:
    """CPU per answer, more than the other's."""
    return one.cpu_us_each - other.cpu_us_each
