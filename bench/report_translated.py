"""The tables of models whose wire is not OpenAI's."""

from collections.abc import Iterator

from bench import payload, translated
from bench.report import Run, cell, percent, table
from bench.samples import PACED, PLAIN, STREAM, UNARY, Spread, spread
from bench.targets import OURS

_WAYS = {
    UNARY: "a request",
    STREAM: f"a stream of {payload.CHUNKS} chunks, saturated",
    PACED: "the same, a chunk every 20 ms",
}
_HEAD = (
    *("gateway", "model", "what", "CPU µs each", "CPU µs / chunk", "each/s", "core busy"),
    *("p50 ms", "p99 ms", "CPU, to LiteLLM's"),
)


def tables(run: Run) -> list[str]:
    """Write what a request and a stream cost, and what importing LiteLLM does."""
    lines = ["## Claude and Gemini, translated", "", *table(_HEAD, _rows(run))]
    if run.stalls:
        lines += ["### The event loop while LiteLLM is imported", ""]
        head = ("import s", "longest stand ms", "the same when idle ms", "imports")
        columns = (
            spread(one.import_s for one in run.stalls),
            spread(one.longest_ms for one in run.stalls),
            spread(one.idle_ms for one in run.stalls),
        )
        lines += table(head, [(*map(cell, columns), str(len(run.stalls)))])
    return lines


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    for kind, shape in translated.SHAPES.items():
        for name, title in run.titles.items():
            each = run.results.value(name, PLAIN, kind, lambda sample: sample.cpu_us_each)
            if each is None:
                continue
            yield (
                title,
                shape.vendor,
                _WAYS[shape.mode],
                cell(each),
                "-" if shape.mode == UNARY else cell(_by(each, payload.CHUNKS)),
                cell(run.results.value(name, PLAIN, kind, lambda sample: sample.per_second)),
                _busy(run, name, kind),
                _time(run.results.value(name, PLAIN, kind, lambda sample: sample.p50_us / 1e3)),
                _time(run.results.value(name, PLAIN, kind, lambda sample: sample.p99_us / 1e3)),
                _to_litellm(run, name, kind),
            )


def _by(found: Spread, parts: float) -> Spread:
    return Spread(found.median / parts, found.low / parts, found.high / parts, found.count)


def _time(found: Spread | None) -> str:
    """Streams that are counted have no latency."""
    return cell(found) if found is not None and found.high else "-"


def _busy(run: Run, name: str, kind: str) -> str:
    found = run.results.value(name, PLAIN, kind, lambda sample: sample.busy)
    return "-" if found is None else percent(found.median)


def _to_litellm(run: Run, name: str, kind: str) -> str:
    """LiteLLM is measured in rounds of its own, so its median stands for it."""
    theirs = run.results.value("litellm", PLAIN, kind, lambda sample: sample.cpu_us_each)
    if name != OURS or theirs is None:
        return "-"
    ours = run.results.value(name, PLAIN, kind, lambda sample: sample.cpu_us_each)
    return "-" if ours is None else cell(_by(ours, theirs.median), lambda value: f"{value:.4f}")
