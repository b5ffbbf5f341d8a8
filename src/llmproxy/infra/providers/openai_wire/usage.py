"""Usage as OpenAI's wire reports it, into the one record of this gateway.

`prompt_tokens` includes cached, cache-written, audio and image tokens; `completion_tokens` includes
reasoning, audio and image tokens (openai-python `types/completion_usage.py`, 3.54.0): the parts are
subtracted, because they never overlap here. What is written to a cache for 12 hours
(`types/responses/response_usage.py`) is dearer, as what Anthropic keeps for one hour is.

Responses, images, speech and transcriptions say `input_tokens` and `output_tokens` for the same
(`types/responses/response_usage.py`, `types/images_response.py`, `types/audio/transcription.py`,
whose details are spelled `input_token_details`); a transcription may be counted in seconds instead.
Realtime says `input_token_details` and `output_token_details`
(`types/realtime/realtime_response_usage.py`).
"""

import msgspec

from llmproxy.domain.usage import Usage


class _Cached(msgspec.Struct):
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _Written(msgspec.Struct):
    ttl_12h_tokens: int | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens_details: _Cached | None = None
    cache_write_tokens_details: _Written | None = None


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
    read = write = kept = heard = seen = reasoning = spoken = drawn = 0
    if into is not None and (
        into.cached_tokens or into.cache_write_tokens or into.audio_tokens or into.image_tokens
    ):
        read, rest = _take(into.cached_tokens, total_in)
        write, rest = _take(into.cache_write_tokens, rest)
        heard, rest = _take(_not_cached(into, "audio_tokens"), rest)
        seen, total_in = _take(_not_cached(into, "image_tokens"), rest)
        if into.cache_write_tokens_details is not None:
            kept, write = _take(into.cache_write_tokens_details.ttl_12h_tokens, write)
    if out is not None and (out.reasoning_tokens or out.audio_tokens or out.image_tokens):
        reasoning, rest = _take(out.reasoning_tokens, total_out)
        spoken, rest = _take(out.audio_tokens, rest)
        drawn, total_out = _take(out.image_tokens, rest)
    return Usage(total_in, read, write, total_out, reasoning, heard, spoken, seen, drawn, kept)


def drawn_from(wire: WireUsage | None, images: int) -> Usage:
    """Return what so many images used.

    Older models are paid per image and report no tokens (ImagesResponse in OpenAI's API
    description): the images are their usage. Where the output's details are missing, all of it is
    the image's (`types/image_gen_completed_event.py`).
    """
    usage = None if wire is None else usage_from(wire)
    if usage is None:
        return Usage(images=images)
    if wire is not None and wire.output_tokens_details is None:
        usage = usage._replace(output_tokens=0, image_output_tokens=usage.output_tokens)
    return usage._replace(images=images)


def spoken_from(wire: WireUsage) -> Usage | None:
    """Return what a speech used, whose output is sound (SpeechAudioDoneEvent)."""
    usage = usage_from(wire)
    if usage is None or usage.audio_output_tokens:
        return usage
    return usage._replace(output_tokens=0, audio_output_tokens=usage.output_tokens)


def heard_from(wire: WireUsage) -> Usage | None:
    """Return what a transcript used: without details all of the input is sound.

    They may be left out (`types/audio/transcription.py`).
    """
    usage = usage_from(wire)
    if usage is None or (wire.input_token_details or wire.input_tokens_details) is not None:
        return usage
    return usage._replace(input_tokens=0, audio_input_tokens=usage.input_tokens)


def _not_cached(into: _Details, kind: str) -> int | None:
    """Return the tokens of a kind without those read from a cache: realtime counts them in both."""
    cached = into.cached_tokens_details
    count: int | None = getattr(into, kind)
    if not count or cached is None:
        return count
    return max(count - max(getattr(cached, kind) or 0, 0), 0)


def _timed(seconds: float | None) -> Usage | None:
    return None if seconds is None or seconds < 0 else Usage(audio_ms=round(seconds * 1000))


def _take(part: int | None, whole: int) -> tuple[int, int]:
    if not part:
        return 0, whole
    taken = min(max(part, 0), whole)
    return taken, whole - taken
