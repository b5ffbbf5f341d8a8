"""The six `x-ratelimit-*` headers, in OpenAI's words.

`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: OpenAI's guide "Rate limits", section
"Rate limits in headers". Where a limit of ours applies they are ours, since the provider's tell of
an account that the caller does not have; a measure that nothing of ours limits has none then.
"""

from functools import lru_cache
from typing import Final

from llmproxy.domain.limit import Quota
from llmproxy.domain.limit_words import duration_words

PREFIX: Final = b"x-ratelimit-"


def with_quota(lines: list[bytes], quota: Quota | None) -> list[bytes]:
    """Return an answer's header lines with what our limits leave in place of the provider's."""
    if quota is None:
        return lines
    if PREFIX in b"\n".join(lines).lower():
        lines = [line for line in lines if line[: len(PREFIX)].lower() != PREFIX]
    return lines + quota_lines(quota)


def quota_lines(quota: Quota) -> list[bytes]:
    """Return three lines for each measure that is limited."""
    requests, tokens = quota
    lines = []
    words = b""
    said_s: float | None = None
    if requests is not None:
        most, left, said_s = requests
        words = duration(said_s)
        lines = [
            _limit_of_requests(most),
            b"x-ratelimit-remaining-requests: %d" % (left if left > 0 else 0),  # noqa: FURB136
            b"x-ratelimit-reset-requests: " + words,
        ]
    if tokens is not None:
        most, left, reset_s = tokens
        if reset_s != said_s:  # windows of one length end together
            words = duration(reset_s)
        lines += (
            _limit_of_tokens(most),
            b"x-ratelimit-remaining-tokens: %d" % (left if left > 0 else 0),  # noqa: FURB136
            b"x-ratelimit-reset-tokens: " + words,
        )
    return lines


@lru_cache(maxsize=4096)
def _limit_of_requests(most: int) -> bytes:
    return b"x-ratelimit-limit-requests: %d" % most


@lru_cache(maxsize=4096)
def _limit_of_tokens(most: int) -> bytes:
    return b"x-ratelimit-limit-tokens: %d" % most


def duration(seconds: float) -> bytes:
    """Write a time as OpenAI does: `20ms`, `8.64s`, `6m0s`, `23h59m58.5s`."""
    return _words(round(seconds * 1000))


@lru_cache(maxsize=2048)
def _words(ms: int) -> bytes:
    """Write so many milliseconds; a window of a minute ends in 60,000 to 62,000, all kept here."""
    return duration_words(max(0, ms)).encode()
