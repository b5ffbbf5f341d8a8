"""The six `x-ratelimit-*` headers, in OpenAI's words.

`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: OpenAI's guide "Rate limits", section
"Rate limits in headers". Where a limit of ours applies they are ours, since the provider's tell of
an account that the caller does not have; a measure that nothing of ours limits has none then.
"""

from typing import Final

from llmproxy.domain.limit import Allowance, Quota
from llmproxy.domain.limit_words import duration_words

PREFIX: Final = b"x-ratelimit-"
_REQUESTS: Final = (
    b"x-ratelimit-limit-requests: %d",
    b"x-ratelimit-remaining-requests: %d",
    b"x-ratelimit-reset-requests: %b",
)
_TOKENS: Final = (
    b"x-ratelimit-limit-tokens: %d",
    b"x-ratelimit-remaining-tokens: %d",
    b"x-ratelimit-reset-tokens: %b",
)


def with_quota(lines: list[bytes], quota: Quota | None) -> list[bytes]:
    """Return an answer's header lines with what our limits leave in place of the provider's."""
    if quota is None:
        return lines
    if PREFIX in b"\n".join(lines).lower():
        lines = [line for line in lines if line[: len(PREFIX)].lower() != PREFIX]
    return [*lines, *quota_lines(quota)]


def quota_lines(quota: Quota) -> list[bytes]:
    """Return three lines for each measure that is limited."""
    requests, tokens = quota
    lines = [] if requests is None else _lines(requests, _REQUESTS)
    return lines if tokens is None else lines + _lines(tokens, _TOKENS)


def _lines(allowance: Allowance, texts: tuple[bytes, bytes, bytes]) -> list[bytes]:
    most, left, reset_s = allowance
    limit, remaining, reset = texts
    return [limit % most, remaining % max(left, 0), reset % duration(reset_s)]


def duration(seconds: float) -> bytes:
    """Write a time as OpenAI does: `20ms`, `8.64s`, `6m0s`, `23h59m58.5s`."""
    return duration_words(max(0, round(seconds * 1000))).encode()
