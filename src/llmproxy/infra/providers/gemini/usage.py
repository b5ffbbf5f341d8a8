"""`usageMetadata` into the one record of this gateway.

Documented (Vertex AI v1, discovery revision 20261106): `totalTokenCount` is the sum of
`promptTokenCount` (with what came from a cache), `candidatesTokenCount`, `toolUsePromptTokenCount`
and `thoughtsTokenCount`. Answers were seen whose candidates include their thoughts, or whose prompt
includes the results of tools; the total shows which it is. Sound has a price of its own, and so
have images that are made; images, video and documents that are given are priced as text (Google's
page "Gemini API pricing"), and of these only images are told apart here.
"""

import msgspec

from llmproxy.domain.usage import Usage
from llmproxy.infra.wire.unreadable import UNREADABLE


class Modality(msgspec.Struct, rename="camel"):
    """The tokens of one kind: `TEXT`, `IMAGE`, `VIDEO`, `AUDIO` or `DOCUMENT`."""

    modality: str | None = None
    token_count: int | None = None


class UsageMetadata(msgspec.Struct, rename="camel"):
    """What `generateContent` and its kin report. Absent counts are 0 (proto3)."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    total_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Modality] | None = None
    cache_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None


_decode = msgspec.json.Decoder(UsageMetadata | None).decode


def usage_in(text: bytes | msgspec.Raw) -> Usage | None:
    """Return the record for `usageMetadata` as JSON text, None when it cannot be read."""
    try:
        said = _decode(text)
    except UNREADABLE:
        return None
    return None if said is None else usage_of(said)


def usage_of(said: UsageMetadata) -> Usage:
    """Return the record; no part is negative, and none is counted twice."""
    prompt = max(said.prompt_token_count or 0, 0)
    out = max(said.candidates_token_count or 0, 0)
    thoughts = max(said.thoughts_token_count or 0, 0)
    tools = max(said.tool_use_prompt_token_count or 0, 0)
    if said.total_token_count and (thoughts or tools):
        out, tools = _told_apart(said.total_token_count, prompt, out, thoughts, tools)
    cached = min(max(said.cached_content_token_count or 0, 0), prompt)
    audio_in = min(_fresh(said, "AUDIO"), prompt - cached)
    image_in = min(_fresh(said, "IMAGE"), prompt - cached - audio_in)
    audio_out = min(_of("AUDIO", said.candidates_tokens_details), out)
    image_out = min(_of("IMAGE", said.candidates_tokens_details), out - audio_out)
    return Usage(
        input_tokens=prompt + tools - cached - audio_in - image_in,
        cache_read_tokens=cached,
        output_tokens=out - audio_out - image_out,
        reasoning_tokens=thoughts,
        audio_input_tokens=audio_in,
        audio_output_tokens=audio_out,
        image_input_tokens=image_in,
        image_output_tokens=image_out,
    )


def _told_apart(total: int, prompt: int, out: int, thoughts: int, tools: int) -> tuple[int, int]:
    """Return what the candidates and the tools' results count beside thoughts and prompt.

    The first reading that adds up to the total; the documented one when none does.
    """
    readings = (
        (out, tools),
        (max(out - thoughts, 0), tools),
        (out, 0),
        (max(out - thoughts, 0), 0),
    )
    for rest, results in readings:
        if prompt + results + rest + thoughts == total:
            return rest, results
    return readings[0]


def _fresh(said: UsageMetadata, kind: str) -> int:
    """Return the tokens of a kind in the prompt that did not come from a cache."""
    if not said.prompt_tokens_details:
        return 0
    return max(_of(kind, said.prompt_tokens_details) - _of(kind, said.cache_tokens_details), 0)


def _of(kind: str, details: list[Modality] | None) -> int:
    if not details:
        return 0
    return sum(max(detail.token_count or 0, 0) for detail in details if detail.modality == kind)
