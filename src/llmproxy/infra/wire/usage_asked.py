"""What is asked of the ledger, as people and programs write it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast, get_args

from llmproxy.application.interfaces.usage_ledger import Dimension
from llmproxy.domain.moments import unix_time

DIMENSIONS: Final[tuple[str, ...]] = get_args(Dimension)
LAST: Final = 253_402_300_799.0
"""The end of the year 9999: no calendar goes on behind it."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
MOMENTS: Final = (
    "a day (UTC) such as 2026-11-01, a time such as 2026-11-01T08:00:00Z, or unix seconds"
)


def dimensions_of(written: Iterable[str]) -> tuple[Dimension, ...]:
    """Read what to group by: names, or lists of them with commas. Raises ValueError, saying why."""
    names = [name.strip() for each in written for name in each.split(",")]
    for index, name in enumerate(names):
        if name not in DIMENSIONS:
            raise ValueError(f"{name[:50]!r} is not one of {', '.join(DIMENSIONS)}")
        if name in names[:index]:
            raise ValueError(f"{name} stands there twice")
    return cast("tuple[Dimension, ...]", tuple(names))


def moment_of(written: str) -> float:
    """Return a time in unix seconds: `MOMENTS`. A day is its beginning. Raises ValueError."""
    at = None
    if _SECONDS.fullmatch(written):
        at = float(written)
    elif _DATE.fullmatch(written):
        at = datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()
    else:
        at = unix_time(written)
    if at is None or not 0 <= at <= LAST:
        raise ValueError(f"give {MOMENTS}")
    return at
