"""The result of a run in words, and as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from tests.load.run import Result
from tests.load.tools import Row

_HEAD = f"{'':28}{'calls':>8}{'failed':>8}{'per s':>9}{'p50':>9}{'p95':>9}{'p99':>9}  (ms)"


def text(result: Result) -> str:
    """A table of the calls, what the processes took, and the counts of everybody."""
    lines = [_HEAD, *[_row(row) for row in result.outcome.rows], "", *_processes(result), ""]
    lines += _counts(result)
    if result.outcome.said:
        lines += ["", result.outcome.said]
    lines += ["", *[f"DIFFERENT: {each}" for each in result.differences]]
    return "\n".join(lines).rstrip() + "\n"


def as_json(result: Result) -> str:
    """The same for programs."""
    used = result.used
    whole: dict[str, Any] = {
        "tool": result.tool,
        "users": result.order.users,
        "took_s": result.outcome.took_s,
        "good": result.good,
        "rows": [{**row._asdict(), "per_s": _per_s(row)} for row in result.outcome.rows],
        "counts": {place: dict(counts) for place, counts in result.places.items()},
        "differences": [str(each) for each in result.differences],
        "load_cpu_s": result.outcome.cpu_s,
        "upstream_cpu_s": result.upstream_cpu_s,
    }
    if used is not None:
        whole["gateway"] = {
            "cpu_s": used.cpu_s,
            "resident_mb": used.resident_mb,
            "most_mb": used.most_mb,
        }
    return json.dumps(whole) + "\n"


def _per_s(row: Row) -> float:
    return row.calls / row.seconds if row.seconds > 0 else 0.0


def _row(row: Row) -> str:
    calls = f"{row.name:28}{row.calls:>8,}{row.failures:>8,}{_per_s(row):>9,.1f}"
    return f"{calls}{row.p50_ms:>9,.1f}{row.p95_ms:>9,.1f}{row.p99_ms:>9,.1f}"


def _processes(result: Result) -> Iterator[str]:
    took_s = result.outcome.took_s
    used = result.used
    if used is not None:
        each_us = 1e6 * used.cpu_s / max(1, result.calls)
        yield (
            f"gateway   {used.cpu_s / took_s:5.2f} of a core, {each_us:,.0f} µs a call;"
            f" {used.resident_mb:.0f} MB, {used.most_mb:.0f} MB at most"
        )
    yield f"{result.tool:9} {result.outcome.cpu_s / took_s:5.2f} of a core"
    if used is not None:
        yield f"provider  {result.upstream_cpu_s / took_s:5.2f} of a core"


def _counts(result: Result) -> Iterator[str]:
    places = result.places
    yield f"{'calls, as counted by':28}" + "".join(f"{place:>17}" for place in places)
    for each in sorted({name for counts in places.values() for name in counts}):
        told = [str(counts.get(each, "")) for counts in places.values()]
        yield f"{each:28}" + "".join(f"{count:>17}" for count in told)
