"""What limits, ledger and cache may add to a request, and what an answer from the cache may cost.

In memory all three together at most 30 µs of CPU, with Redis 150 µs; an answer from the cache at
most half of a forwarded request with the same limits.
"""

from collections.abc import Callable, Iterator

from bench.samples import (
    AGAIN,
    EARLIER,
    FREE,
    LIMITED,
    PLAIN,
    SHARED,
    SHARED_AGAIN,
    SINGLE,
    UNARY,
    Money,
    Results,
    Sample,
    cpu_ratio,
    more_us,
)
from bench.targets import Target

_MORE_US = 30.0
_MORE_IN_REDIS_US = 150.0
_HIT = 0.5
_CONNECTIONS = {UNARY: "c=64", SINGLE: "c=1"}
_NOT_ASKED = "not asked for"
_SINCE = "than in an earlier build without a ledger"
_FREE = "and the ledger's threads, more than without limits"


def with_ledger_us(one: Sample, other: Sample) -> float:
    """Add what the ledger's threads cost: nothing is measured without them."""
    return more_us(one, other) + one.threads_us_each


def of_money(results: Results, money: Money | None) -> Iterator[Target]:
    """List the targets."""
    no_redis = money.no_redis if money else _NOT_ASKED
    no_earlier = money.no_earlier if money else _NOT_ASKED
    memory, redis = (
        f"limits and cache in {place}, CPU of a request" for place in ("memory", "Redis")
    )
    rows: tuple[tuple[str, tuple[str, str], float, str, str, Callable[..., float]], ...] = (
        (f"{memory} {_FREE}", (LIMITED, FREE), _MORE_US, "µs", "", with_ledger_us),
        (f"{memory}, more {_SINCE}", (LIMITED, EARLIER), _MORE_US, "µs", no_earlier, more_us),
        (f"{redis} {_FREE}", (SHARED, FREE), _MORE_IN_REDIS_US, "µs", no_redis, with_ledger_us),
        (
            f"{redis}, more {_SINCE}",
            (SHARED, EARLIER),
            _MORE_IN_REDIS_US,
            "µs",
            no_redis or no_earlier,
            more_us,
        ),
        ("answer from the cache in memory, to a miss", (AGAIN, LIMITED), _HIT, "x", "", cpu_ratio),
        (
            "answer from the cache in Redis, to a miss",
            (SHARED_AGAIN, SHARED),
            _HIT,
            "x",
            no_redis,
            cpu_ratio,
        ),
    )
    for what, pair, most, unit, why, combine in rows:
        for kind, connections in _CONNECTIONS.items():
            found = results.paired(pair, PLAIN, kind, combine)
            yield Target(f"{what}, {connections}", most, unit, found, why)
