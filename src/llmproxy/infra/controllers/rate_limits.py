"""The six `x-ratelimit-*` headers, in OpenAI's words.

`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: OpenAI's guide "Rate limits", section
"Rate limits in headers". Where a limit of ours applies they are ours, since the provider's tell of
an account that the caller does not have; a measure that nothing of ours limits has none then.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from llmproxy.domain.limit import Allowance, Quota

PREFIX: Final = b"x-ratelimit-"


def with_quota(lines: list[bytes], quota: Quota | None) -> list[bytes]:
    """Return an answer's header lines with what our limits leave in place of the provider's."""
    if quota is None:
        return lines
    kept = [line for line in lines if line[: len(PREFIX)].lower() != PREFIX]
    return [*kept, *quota_lines(quota)]


def quota_lines(quota: Quota) -> Iterator[bytes]:
    """Yield three lines for each measure that is limited."""
    if quota.requests is not None:
        yield from _lines(quota.requests, b"requests")
    if quota.tokens is not None:
        yield from _lines(quota.tokens, b"tokens")


def _lines(allowance: Allowance, measure: bytes) -> Iterator[bytes]:
    yield b"%blimit-%b: %d" % (PREFIX, measure, allowance.most)
    yield b"%bremaining-%b: %d" % (PREFIX, measure, max(allowance.left, 0))
    yield b"%breset-%b: %b" % (PREFIX, measure, duration(allowance.reset_s))


def duration(seconds: float) -> bytes:
    """Write a time as OpenAI does, which is Go's way: `20ms`, `8.64s`, `6m0s`, `23h59m58.5s`."""
    ms = max(0, round(seconds * 1000))
    if ms < 1000:
        return b"%dms" % ms
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{Decimal(rest).scaleb(-3).normalize():f}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return (f"{hours}h{text}" if hours else text).encode("ascii")
