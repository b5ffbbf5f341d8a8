"""Usage as OpenAI's wire reports it, into the one record of this gateway.

`prompt_tokens` includes cached, cache-written and audio tokens; `completion_tokens` includes
reasoning and audio tokens (openai-python `types/completion_usage.py`, 3.54.0): the parts are
subtracted, because they never overlap here. Responses, images, speech and transcriptions say
`input_tokens` and `output_tokens` for the same (`types/responses/response_usage.py`,
`types/images_response.py`, `types/audio/transcription.py`, whose details are spelled
`input_token_details`); a transcription may be counted in seconds instead. Realtime says
`input_token_details` and `output_token_details` (`types/realtime/realtime_response_usage.py`).
"""

import msgspec

from llmproxy.domain.usage import Usage


class _Cached(msgspec.Struct):
    audio_tokens: int | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens_details: _Cached | None = None


class WireUsage(msgspec.Struct):
    """The `usage` object of an answer or of a stream's last event, in any of its spellings."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None
    output_token_details: _Details | None = None
    seconds: float | None = None


def usage_from(wire: WireUsage) -> Usage | None:
    """Return the record, or None when it counts nothing.

    A part larger than its whole is cut, so that no count is negative.
    """
    said_in, said_out = wire.prompt_tokens, wire.completion_tokens
    into, out = wire.prompt_tokens_details, wire.completion_tokens_details
    if said_in is None:
        if wire.input_tokens is None:
            return _timed(wire.seconds)
        said_in, said_out = wire.input_tokens, wire.output_tokens
        into = wire.input_tokens_details or wire.input_token_details
        out = wire.output_tokens_details or wire.output_token_details
    total_in, total_out = max(said_in, 0), max(said_out or 0, 0)
    read = write = audio_in = reasoning = audio_out = 0
    if into is not None and (into.cached_tokens or into.cache_write_tokens or into.audio_tokens):
        read, rest = _take(into.cached_tokens, total_in)
        write, rest = _take(into.cache_write_tokens, rest)
        audio_in, total_in = _take(_not_cached_audio(into), rest)
    if out is not None and (out.reasoning_tokens or out.audio_tokens):
        reasoning, rest = _take(out.reasoning_tokens, total_out)
        audio_out, total_out = _take(out.audio_tokens, rest)
    return Usage(total_in, read, write, total_out, reasoning, audio_in, audio_out)


def _not_cached_audio(into: _Details) -> int | None:
    """Return the audio tokens without those read from a cache, which realtime counts in both."""
    cached = into.cached_tokens_details
    if not into.audio_tokens or cached is None or not cached.audio_tokens:
        return into.audio_tokens
    return max(into.audio_tokens - max(cached.audio_tokens, 0), 0)


def _timed(seconds: float | None) -> Usage | None:
    return None if seconds is None or seconds < 0 else Usage(audio_ms=round(seconds * 1000))


def _take(part: int | None, whole: int) -> tuple[int, int]:
    if not part:
        return 0, whole
    taken = min(max(part, 0), whole)
    return taken, whole - taken
