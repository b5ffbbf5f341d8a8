"""What Anthropic counts, as the gateway counts it.

`input_tokens` leaves out what was read from or written to the prompt cache; `output_tokens` holds
the thinking, whose share `output_tokens_details` tells. In a stream the counts are cumulative: the
last of each stands (`types/usage.py`, `types/message_delta_usage.py` of anthropic 2.12.0). How long
a cache keeps what was written, `cache_creation` tells, which only the first event has.
"""

import msgspec

from llmproxy.domain.usage import Usage


class OutputDetails(msgspec.Struct):
    """A part of `output_tokens`."""

    thinking_tokens: int | None = None


class CacheCreation(msgspec.Struct):
    """A part of `cache_creation_input_tokens`: what is kept for an hour, which costs more."""

    ephemeral_1h_input_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """`usage` of a message, or of a `message_delta`, which tells some of it only."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    cache_creation: CacheCreation | None = None


def usage_of(wire: WireUsage | None, before: WireUsage | None = None) -> Usage | None:
    """Return the usage, None when nothing is told; `before` stands where `wire` says nothing."""
    last = wire or before
    if last is None or last.output_tokens is None:
        return None
    first = before or last
    details = last.output_tokens_details or first.output_tokens_details
    thinking = (details.thinking_tokens if details else None) or 0
    reasoning = _between(thinking, last.output_tokens)
    written = _count(last.cache_creation_input_tokens, first.cache_creation_input_tokens)
    creation = last.cache_creation or first.cache_creation
    kept = _between((creation.ephemeral_1h_input_tokens if creation else None) or 0, written)
    return Usage(
        input_tokens=_count(last.input_tokens, first.input_tokens),
        cache_read_tokens=_count(last.cache_read_input_tokens, first.cache_read_input_tokens),
        cache_write_tokens=written - kept,
        cache_write_1h_tokens=kept,
        output_tokens=max(0, last.output_tokens - reasoning),
        reasoning_tokens=reasoning,
    )


def _count(last: int | None, first: int | None) -> int:
    return max(0, last if last is not None else first or 0)


def _between(part: int, whole: int) -> int:
    """Return a part that never passes its whole: the share of thinking is a few tokens off."""
    return max(0, min(part, whole))
