"""Moments as people write and read them; all are UTC."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_GRACE: Final = re.compile(r"(0|[1-9][0-9]{0,5})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def expiry(written: str, now: float) -> float:
    """Return the unix seconds at which `30d`, `12h`, `4w` from now, or the day `2027-01-31`, ends.

    Raises ValueError for anything else.
    """
    span = _SPAN.fullmatch(written)
    if span is not None:
        return now + int(span[1]) * _SECONDS[span[2]]
    try:
        last_day = date.fromisoformat(written)
        after = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(
            days=1
        )
    except (ValueError, OverflowError):
        raise ValueError(
            "give a span such as 30d, 12h or 4w, or a day such as 2027-01-31"
        ) from None
    return after.timestamp()


def grace(written: str) -> float:
    """Return a span in seconds: `24h`, `30m`, `0s`. Raises ValueError for anything else."""
    span = _GRACE.fullmatch(written)
    if span is None:
        raise ValueError("give a span such as 24h, 30m, 7d, or 0s for none")
    return float(int(span[1]) * _SECONDS[span[2]])


def moment(at: float | None) -> str:
    """Return unix seconds as `2026-11-23 20:08`; `-` for none."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
