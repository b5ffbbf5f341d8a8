"""Make docs/metrics.md of the gateway's own table of metrics; `--check` compares."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from llmproxy.infra.telemetry.prometheus import families, figures  # noqa: E402
from llmproxy.infra.telemetry.prometheus.family import Family, Kind  # noqa: E402
from scripts.page import keep  # noqa: E402

PAGE = ROOT / "docs/metrics.md"
UNITS = {
    "_seconds": "seconds",
    "_bytes": "bytes",
    "_percent": "percent",
    "_share": "0 to 1",
    "_cost": "units of the currency",
}
MARK = "<!-- What follows is made by scripts/metrics_page.py. -->\n"
"""What stands above it is written by hand."""
TITLES = "| metric | type | unit | labels | what |\n|---|---|---|---|---|"
SECTIONS: dict[str, tuple[Family, ...]] = {
    "Calls": (
        families.REQUESTS,
        families.DURATION,
        families.FIRST_CONTENT,
        families.OVERHEAD,
        families.TOKENS,
        families.IMAGES,
        families.CHARACTERS,
        families.AUDIO,
        families.ESTIMATED,
        families.COST,
        families.LIMITED,
    ),
    "Providers": (families.ATTEMPTS, families.UPSTREAM, *figures.OF_DEPLOYMENTS.values()),
    "Requests over HTTP": (families.HTTP_REQUESTS,),
    "The process": (*families.OF_PROCESS, families.LAG, families.LAG_MAX, families.BUILD),
    "The metrics themselves": (
        families.WORKERS,
        families.WORKERS_MISSING,
        families.SCRAPES_FAILED,
        families.LINES,
        families.OVERFLOWED,
    ),
}
PARTS: dict[str, tuple[str, ...]] = {
    "Under way": ("requests", "process"),
    "The gate before bodies": ("admission",),
    "Connections to providers": ("upstream_connections",),
    "Routing": ("routing", "routing_shared"),
    "The cache": ("cache",),
    "Idempotency keys": ("idempotency",),
    "The journal and the ledger": ("ledger",),
    "Alerts of limits": (figures.ALERTS,),
    "Redis": ("redis", "redis_bulk", "limits"),
    "The registry": ("registry",),
    "Cosmos DB": ("store",),
    "Credentials": ("credentials",),
    "Signatures of thoughts": ("kept_reasoning",),
    "Logs and traces": (
        "access_log",
        "content_log",
        "tracing",
        "tracing_collector",
        "tracing_azure",
    ),
}


def tables() -> str:
    """Return all tables, each with its heading."""
    told: list[str] = []
    for title, rows in (*SECTIONS.items(), *_parts()):
        told += [f"\n## {title}\n", TITLES, *[_row(each) for each in rows]]
    return "\n".join(told) + "\n"


def page(present: str) -> str:
    """Return the whole page: what is written by hand as it stands, and the tables anew."""
    return present.partition(MARK)[0] + MARK + tables()


def _parts() -> Iterator[tuple[str, Iterable[Family]]]:
    """Yield what parts report; parts that have no title here come last."""
    titled = {prefix for prefixes in PARTS.values() for prefix in prefixes}
    others = {prefix: (prefix,) for prefix in figures.REPORTED if prefix not in titled}
    for title, prefixes in (PARTS | others).items():
        rows: dict[Family, None] = {}
        if figures.ALERTS in prefixes:
            rows[figures.TOLD] = None
        for prefix in prefixes:
            for figure in figures.REPORTED.get(prefix, {}).values():
                rows[figure.family] = None
        yield title, rows


def _row(each: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in each.labels)
    kind = each.kind if each.kind is not Kind.HISTOGRAM else f"{each.kind}, {_bounds(each)}"
    text = each.text.replace("|", "\\|")
    return f"| `{each.name}` | {kind} | {_unit(each.name)} | {labels} | {text} |"


def _unit(name: str) -> str:
    stem = name.removesuffix("_total")
    return next((unit for suffix, unit in UNITS.items() if stem.endswith(suffix)), "")


def _bounds(each: Family) -> str:
    bounds = {
        families.FIRST_CONTENT.name: families.FIRST_CONTENT_S,
        families.OVERHEAD.name: families.OVERHEAD_S,
        families.LAG.name: families.LAG_S,
    }.get(each.name, families.DURATIONS_S)
    return f"{bounds[0]:g} to {bounds[-1]:g}"


if __name__ == "__main__":
    keep(PAGE, page(PAGE.read_text("utf-8")), "the gateway tells")
