"""Usage as OpenAI's wire reports it, into the one record of this gateway.

`prompt_tokens` includes cached, cache-written and audio tokens; `completion_tokens` includes
reasoning and audio tokens (openai-python `types/completion_usage.py`, 3.54.0): the parts are
subtracted, because they never overlap here.
"""

import msgspec

from llmproxy.domain.usage import Usage


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """The `usage` object of a chat completion; without `prompt_tokens` it counts nothing."""

    prompt_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


def usage_from(wire: WireUsage) -> Usage:
    """Return the record; a part larger than its whole is cut, so that no count is negative."""
    total_in, total_out = max(wire.prompt_tokens, 0), max(wire.completion_tokens, 0)
    read = write = audio_in = reasoning = audio_out = 0
    into = wire.prompt_tokens_details
    if into is not None:
        read, rest = _take(into.cached_tokens, total_in)
        write, rest = _take(into.cache_write_tokens, rest)
        audio_in, total_in = _take(into.audio_tokens, rest)
    out = wire.completion_tokens_details
    if out is not None:
        reasoning, rest = _take(out.reasoning_tokens, total_out)
        audio_out, total_out = _take(out.audio_tokens, rest)
    return Usage(
        input_tokens=total_in,
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=total_out,
        reasoning_tokens=reasoning,
        audio_input_tokens=audio_in,
        audio_output_tokens=audio_out,
    )


def _take(part: int | None, whole: int) -> tuple[int, int]:
    if not part:
        return 0, whole
    taken = min(max(part, 0), whole)
    return taken, whole - taken
