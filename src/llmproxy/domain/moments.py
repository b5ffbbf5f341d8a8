"""Spans and moments as programs write them: `30d`, `2027-01-31T00:00:00Z`."""

import re
from datetime import datetime
from typing import Final

_SPAN: Final = re.compile(r"([1-9][0-9]{0,6})([smhdw])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def span_s(written: str) -> float | None:
    """Return the seconds of a span such as `90s`, `12h`, `30d` or `4w`; None for anything else."""
    span = _SPAN.fullmatch(written)
    return None if span is None else float(int(span[1]) * _SECONDS[span[2]])


def unix_time(written: str) -> float | None:
    """Return the unix seconds of an RFC 3339 time, which has an offset; None for anything else."""
    try:
        at = datetime.fromisoformat(written)
        return None if at.tzinfo is None else at.timestamp()
    except (ValueError, OverflowError):
        return None
