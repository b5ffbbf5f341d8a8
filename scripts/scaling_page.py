"""Fill the tables of docs/scaling.md with what bench has measured; `--check` compares.

A table stands between `<!-- computed: NAME -->` and `<!-- end -->`. Measured figures come from the
RESULTS.md of bench, those of Cosmos DB from docs/cosmos.md, where their sources are named.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.page import keep  # noqa: E402

PAGE = ROOT / "docs/scaling.md"
RESULTS = "bench/RESULTS.md"
PART = re.compile(r"(<!-- computed: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
OURS = r"LLM Proxy [\d.]+ \(\w+\)"
BUSY = 0.7
"""How busy a core is planned to be, so that there is room for a burst and for a replica that is
gone."""
RATES = (10, 100, 1_000, 3_000, 10_000)
ROW_BYTES, JOURNAL_BYTES = 600, 900
"""Of a call in SQLite and in the journal (docs/money.md)."""
LOOKS_PER_S = 1.5
LOOK_RU, CARRY_RU = (1.0, 2.0), (5.0, 12.0)
MODELS, RELOAD_S, READ_RU = 1_000, 60, 1.0
"""Of a worker over Cosmos DB, with a thousand models (docs/cosmos.md)."""


class Measured(NamedTuple):
    """CPU of the gateway in µs per answer, of Redis per call, and memory in bytes."""

    plain_us: float
    tls_us: float
    stream_us: float
    stream_tls_us: float
    books_us: float
    memory_us: float
    redis_us: float
    hit_us: float
    redis_own_us: float
    idle_bytes: float
    stream_bytes: float

    @property
    def request_us(self) -> float:
        """A request over TLS, with limits in Redis."""
        return self.redis_us + self.tls_us - self.plain_us

    @property
    def streamed_us(self) -> float:
        """A stream of 50 events over TLS, one every 20 ms, with limits in Redis."""
        return self.stream_tls_us + self.redis_us - self.plain_us


def measured() -> Measured:
    """Read what bench has found. Raises LookupError where a figure is not there."""
    miss, hit = "limits and cache in Redis, a miss", "limits and cache in Redis, a hit"
    books = "Limits, ledger and cache"
    idle = figure("Start and memory", OURS, "RSS idle MB")
    streaming = figure("Start and memory", OURS, "RSS streaming MB")
    plain, tls = "Plain HTTP to the upstream", "TLS to the upstream"
    paced = "CPU µs / stream"
    return Measured(
        figure(plain, OURS, "CPU µs / request"),
        figure(tls, OURS, "CPU µs / request"),
        figure(plain, OURS, paced, table=2),
        figure(tls, OURS, paced, table=2),
        figure(books, "no limits, no cache", "CPU µs each"),
        figure(books, "limits and cache in memory, a miss", "CPU µs each"),
        figure(books, miss, "CPU µs each"),
        figure(books, hit, "CPU µs each"),
        figure(books, miss, "Redis' own CPU µs"),
        idle * 1e6,
        (streaming - idle) * 1e6 / 2_000,
    )


def figure(title: str, row: str, column: str, *, table: int = 0) -> float:
    """Return the median in a cell: of the first row that fits, in the n-th table of a section."""
    text = (ROOT / RESULTS).read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    heads, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in tables[table].splitlines()
    ]
    for cells in rows:
        if re.fullmatch(row, cells[0]):
            return float(cells[heads.index(column)].split()[0].replace(",", ""))
    raise LookupError(f"{RESULTS} has no row {row} under {title}")


def per_s(us: float) -> float:
    """Return how many answers of this cost one worker gives in a second, with room left."""
    return BUSY * 1e6 / us


def workers(rate: float, us: float) -> int:
    """Return how many workers that takes: one more than needed, where one is not enough."""
    needed = math.ceil(rate / per_s(us))
    return needed + 1 if needed > 1 else 1


def _costs(found: Measured) -> Iterator[str]:
    yield "| a call | CPU µs of the gateway | calls/s of one worker, at 70 % of a core |"
    yield "|---|---|---|"
    rows = (
        ("plain, no limits, no TLS", found.books_us),
        ("with limits, counted in memory", found.memory_us),
        ("with limits, counted in Redis", found.redis_us),
        ("the same, over TLS to the provider", found.request_us),
        ("answered from the cache in Redis", found.hit_us),
        ("a stream of 50 events, one every 20 ms, limits in Redis, over TLS", found.streamed_us),
    )
    for words, us in rows:
        yield f"| {words} | {us:,.0f} | {per_s(us):,.0f} |"


def _rates(found: Measured) -> Iterator[str]:
    yield (
        "| calls/s | workers, plain answers | workers, streams | open streams of 10 s each | "
        "memory of all workers | Redis, cores | Cosmos DB, RU/s |"
    )
    yield "|---" * 7 + "|"
    for rate in RATES:
        plain, streams = workers(rate, found.request_us), workers(rate, found.streamed_us)
        memory = streams * found.idle_bytes + rate * 10 * found.stream_bytes
        low, high = (plain * each for each in worker_ru())
        yield (
            f"| {rate:,} | {plain} | {streams} | {rate * 10:,} | {memory / 1e9:,.1f} GB | "
            f"{rate * found.redis_own_us / 1e6:.2f} | {low:,.0f} to {high:,.0f} |"
        )


def worker_ru() -> tuple[float, float]:
    """Return what one worker takes of Cosmos DB in a second, at least and at most."""
    full = MODELS * READ_RU / RELOAD_S
    low, high = (
        LOOKS_PER_S * look + full + carry for look, carry in zip(LOOK_RU, CARRY_RU, strict=True)
    )
    return low, high


def _ledger(found: Measured) -> Iterator[str]:
    del found
    yield "| calls/s | calls a day | rows in SQLite, a day | through the journals |"
    yield "|---|---|---|---|"
    for rate in RATES:
        day = rate * 86_400
        yield (
            f"| {rate:,} | {day / 1e6:,.1f} million | {day * ROW_BYTES / 1e9:,.1f} GB | "
            f"{rate * JOURNAL_BYTES / 1e6:,.2f} MB/s |"
        )


def _redis(found: Measured) -> Iterator[str]:
    most = BUSY * 1e6 / found.redis_own_us
    yield (
        f"One limited call takes {found.redis_own_us:.0f} µs of Redis, which works on one core: at "
        f"70 % of it {most:,.0f} limited calls/s are what one Redis carries."
    )


PARTS: dict[str, Callable[[Measured], Iterator[str]]] = {
    "costs": _costs,
    "rates": _rates,
    "ledger": _ledger,
    "redis": _redis,
}


def filled(page: str) -> str:
    """Return the page with its tables as bench has them."""
    found = measured()
    return PART.sub(lambda part: f"{part[1]}\n{_made(part[2], found)}\n{part[3]}", page)


def _made(name: str, found: Measured) -> str:
    """Return the lines of one table."""
    return "".join(f"{line}\n" for line in PARTS[name](found))


if __name__ == "__main__":
    keep(PAGE, filled(PAGE.read_text("utf-8")), "bench has measured")
