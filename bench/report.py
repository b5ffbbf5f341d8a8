"""The tables of RESULTS.md."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench import relayed, targets, targets_money, targets_observed, targets_routing
from bench.observed_figures import Told
from bench.plan import Plan
from bench.samples import (
    DIRECT,
    PACED,
    SINGLE,
    STREAM,
    UNARY,
    Footprint,
    Measure,
    Money,
    Results,
    Sample,
    Scale,
    Shares,
    Spread,
    Stall,
    spread,
)

_NONE = "-"


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a report says."""

    plan: Plan
    command: str
    date: str
    machine: dict[str, str]
    titles: dict[str, str]
    """Name → title with version, in the order of the tables."""
    results: Results
    footprints: list[Footprint]
    stalls: list[Stall]
    failures: list[str]
    noise: str
    scale: Scale | None = None
    money: Money | None = None
    shares: list[Shares] = field(default_factory=list)
    """Of the models of the part `routing`."""
    told: dict[str, dict[str, Told]] = field(default_factory=dict)
    """Of the gateways of the part `observe`, by name and kind."""
    no_cosmos: str = ""
    """Why nothing was measured on Cosmos DB."""


def _number(value: float) -> str:
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def cell(found: Spread | None, write: Callable[[float], str] = _number) -> str:
    """Write median and range."""
    if found is None:
        return _NONE
    if found.count == 1 or write(found.low) == write(found.high):
        return write(found.median)
    return f"{write(found.median)} ({write(found.low)} to {write(found.high)})"


def percent(value: float) -> str:
    """Write a share."""
    return f"{value:.0%}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a table."""
    columns = list(head)
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


class _Tables:
    """The tables of one way to the upstream."""

    def __init__(self, run: Run, transport: str) -> None:
        self._results = run.results
        self._transport = transport
        self._names = [
            name
            for name in (DIRECT, *run.titles)
            if any(
                run.results.of(name, transport, kind)
                for kind in (UNARY, STREAM, PACED, *relayed.ASKS)
            )
        ]
        self._titles = {DIRECT: "direct, no gateway"} | run.titles

    def _value(self, name: str, kind: str, measure: Measure) -> Spread | None:
        return self._results.value(name, self._transport, kind, measure)

    def _added(self, name: str, kind: str, combine: Callable[[Sample, Sample], float]) -> str:
        if name == DIRECT:
            return _NONE
        return cell(self._results.paired((name, DIRECT), self._transport, kind, combine))

    def _cpu(self, name: str, kind: str, measure: Measure) -> str:
        return _NONE if name == DIRECT else cell(self._value(name, kind, measure))

    def _busy(self, name: str, kind: str) -> str:
        found = self._value(name, kind, lambda sample: sample.busy)
        return _NONE if name == DIRECT or found is None else percent(found.median)

    def _times(self, name: str, kind: str) -> list[str]:
        return [
            cell(self._value(name, kind, lambda sample: sample.p50_us / 1e3)),
            cell(self._value(name, kind, lambda sample: sample.p99_us / 1e3)),
        ]

    def unary(self) -> list[str]:
        """Show requests without a stream."""
        head = (
            *("gateway", "CPU µs / request", "requests/s", "core busy"),
            *(
                "p50 ms, c=64",
                "p99 ms, c=64",
                "p50 ms, c=1",
                "p99 ms, c=1",
                "p50 over direct ms, c=1",
            ),
        )
        rows = (
            (
                self._titles[name],
                self._cpu(name, UNARY, lambda sample: sample.cpu_us_each),
                cell(self._value(name, UNARY, lambda sample: sample.per_second)),
                self._busy(name, UNARY),
                *self._times(name, UNARY),
                *self._times(name, SINGLE),
                self._added(name, SINGLE, lambda one, two: (one.p50_us - two.p50_us) / 1e3),
            )
            for name in self._names
        )
        return table(head, rows)

    def stream(self) -> list[str]:
        """Show streams as fast as they go."""
        head = ("gateway", "CPU µs / stream", "streams/s", "core busy")
        rows = (
            (
                self._titles[name],
                self._cpu(name, STREAM, lambda sample: sample.cpu_us_each),
                cell(self._value(name, STREAM, lambda sample: sample.per_second)),
                self._busy(name, STREAM),
            )
            for name in self._names
        )
        return table(head, rows)

    def paced(self) -> list[str]:
        """Show streams at the pace of a model."""
        head = (
            *("gateway", "CPU µs / stream", "CPU µs / event", "core busy"),
            *("delay p50 ms", "delay p99 ms", "p50 over direct ms", "p99 over direct ms"),
        )
        rows = (
            (
                self._titles[name],
                self._cpu(name, PACED, lambda sample: sample.cpu_us_each),
                self._cpu(name, PACED, lambda sample: sample.cpu_us_per_event),
                self._busy(name, PACED),
                *self._times(name, PACED),
                self._added(name, PACED, lambda one, two: (one.p50_us - two.p50_us) / 1e3),
                self._added(name, PACED, lambda one, two: (one.p99_us - two.p99_us) / 1e3),
            )
            for name in self._names
        )
        return table(head, rows)

    def relayed(self) -> list[str]:
        """Show embeddings, and bodies of 1 MB."""
        head = ("gateway", "what", "CPU µs each", "each/s", "core busy", "p50 ms", "p99 ms")
        rows = (
            (
                self._titles[name],
                ask.what,
                self._cpu(name, kind, lambda sample: sample.cpu_us_each),
                cell(self._value(name, kind, lambda sample: sample.per_second)),
                self._busy(name, kind),
                *self._times(name, kind),
            )
            for kind, ask in relayed.ASKS.items()
            for name in self._names
            if self._results.of(name, self._transport, kind)
        )
        return table(head, rows)


def speeds(run: Run, transport: str) -> list[str]:
    """Write the tables of one way to the upstream."""
    tables = _Tables(run, transport)
    way = "TLS to the upstream" if transport == "tls" else "Plain HTTP to the upstream"
    heading = [f"## {way}", ""]
    lines = [*heading]
    if run.plan.wants("unary"):
        lines += ["### Requests without a stream", "", *tables.unary()]
    if run.plan.wants("stream"):
        lines += [f"### Streams of 50 chunks, saturated, c={run.plan.connections}", ""]
        lines += tables.stream()
    if run.plan.wants("paced"):
        lines += [f"### {run.plan.paced_streams} streams, an event every {run.plan.pace_ms} ms", ""]
        lines += tables.paced()
    if run.plan.wants("embeddings", "bodies"):
        lines += ["### Embeddings, and bodies of 1 MB", "", *tables.relayed()]
    return lines if len(lines) > len(heading) else []


def target_table(run: Run) -> list[str]:
    """Set what was aimed at beside what was measured."""
    found = [
        (transport, target)
        for transport in run.plan.transports
        for target in targets.of_transport(run.results, transport)
    ]
    if run.plan.wants("translated"):
        found += [("plain", target) for target in targets.of_translated(run.results, run.stalls)]
    found += [("plain", target) for target in targets.of_size(run.footprints)]
    if run.plan.wants("memory", "scale"):
        found += [("plain", targets.of_cosmos(run.footprints, run.no_cosmos))]
    if run.plan.wants("scale"):
        found += [("plain", target) for target in targets.of_scale(run.results, run.scale)]
    if run.plan.wants("money"):
        found += [("plain", each) for each in targets_money.of_money(run.results, run.money)]
    if run.plan.wants("routing"):
        found += [("plain", each) for each in targets_routing.of_routing(run.results)]
    if run.plan.wants("observe"):
        found += [("plain", each) for each in targets_observed.of_observed(run.results)]

    def write(target: targets.Target) -> Callable[[float], str]:
        small = target.most < 0.1
        return lambda value: f"{value:.4f}" if small else f"{value:.2f}"

    rows = (
        (
            target.what,
            way,
            f"≤ {write(target)(target.most)} {target.unit}",
            f"{cell(target.found, write(target))}",
            _verdict(target),
        )
        for way, target in found
    )
    return table(("LLM Proxy", "upstream", "target", "median (range)", "held"), rows)


def _verdict(target: targets.Target) -> str:
    if target.held is None:
        return f"not measured: {target.why}" if target.why else "not measured"
    return "yes" if target.held else "**no**"


def sizes(run: Run) -> list[str]:
    """Start and memory."""

    def megabytes(count: int | None) -> str:
        return _NONE if count is None else _number(count / 1e6)

    head = ("gateway", "start to first 200, s", "starts", "RSS idle MB", "RSS streaming MB", "note")
    rows = (
        (
            run.titles.get(found.gateway, found.gateway),
            cell(spread(found.starts_s)),
            str(len(found.starts_s)),
            megabytes(found.idle_bytes),
            megabytes(found.streaming_bytes),
            found.note,
        )
        for found in run.footprints
    )
    return ["## Start and memory", "", *table(head, rows)]
