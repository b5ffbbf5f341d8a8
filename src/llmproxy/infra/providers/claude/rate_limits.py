"""Anthropic's headers about rate limits under OpenAI's names.

`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`; the reset is a time in RFC 3339,
OpenAI's a duration such as `6m0s` (platform.claude.com, "Rate limits"; OpenAI, "Rate limits in
headers", 2026-11). The provider's own `date` is the clock that durations are counted from.
"""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from llmproxy.application.interfaces.upstream import Headers

_LIMITS = re.compile(
    rb"\n(?i:anthropic-ratelimit-(requests|tokens)-(limit|remaining|reset)):[ \t]*([^\r\n]+)"
)
_DATE = re.compile(rb"\n(?i:date):[ \t]*([^\r\n]+)")


def rate_limits(head: bytes) -> Headers:
    """Return the lines for the caller; empty where the provider tells nothing."""
    lines = []
    now: datetime | None = None
    for what, kind, value in _LIMITS.findall(head):
        told = value.strip()
        if kind.lower() == b"reset":
            now = now or _date(head)
            told = _duration(told, now)
        if told:
            lines.append(b"x-ratelimit-%b-%b: %b" % (kind.lower(), what.lower(), told))
    return lines


def _date(head: bytes) -> datetime | None:
    found = _DATE.search(head)
    try:
        return None if found is None else parsedate_to_datetime(found[1].decode("latin-1"))
    except ValueError:
        return None


def _duration(at: bytes, now: datetime | None) -> bytes:
    if now is None:
        return b""
    try:
        seconds = (datetime.fromisoformat(at.decode("latin-1")) - now).total_seconds()
    except (ValueError, TypeError):
        return b""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{f'{hours}h' if hours else ''}{f'{minutes}m' if hours or minutes else ''}{rest}s".encode()
    )
