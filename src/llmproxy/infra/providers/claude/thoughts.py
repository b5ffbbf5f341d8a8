"""Thinking that goes out with an answer and comes back with the next request.

Anthropic signs a model's thinking and wants it back, unmodified and in order, with the results of
the tools that the model then called (platform.claude.com, "Preserving thinking blocks"). An
assistant message carries it in `thinking_blocks`; for clients that drop what they do not know it is
kept by the id of the tool call. `index` counts the entries, as openai-python's accumulator of
deltas wants it; `at` is the place among all blocks of the answer, told where it is not `index`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from llmproxy.infra.providers.translated.chat_request import ToolCall, invalid
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning

Json = dict[str, Any]
KINDS = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


def thought(index: int, at: int, block: Json) -> Json:
    """Return an entry of `thinking_blocks`."""
    entry = {"index": index, **block}
    if at != index:
        entry["at"] = at
    return entry


def keep(
    kept: KeptReasoning, project: str | None, call_ids: Iterable[str], thoughts: list[Json]
) -> None:
    """Remember what was thought before the first of these calls; all of them come back together."""
    first = next(iter(call_ids), None)
    if thoughts and first is not None:
        kept.keep(project, first, _encode(thoughts))


def recalled(kept: KeptReasoning, project: str | None, calls: Iterable[ToolCall]) -> list[Json]:
    """Return what was kept for a message that calls tools; empty when nothing is."""
    for call in calls:
        value = kept.find(project, call.id)
        if value is not None:
            return _decode(value)
    return []


def with_thoughts(blocks: list[Json], thoughts: list[Json], place: str) -> list[Json]:
    """Return the blocks of an assistant message with its thinking where it stood.

    Raises InvalidRequest for an entry that is none of Anthropic's.
    """
    placed = []
    for number, entry in enumerate(thoughts):
        kind = entry.get("type")
        names = KINDS.get(kind) if isinstance(kind, str) else None
        if names is None or not all(isinstance(entry.get(name), str) for name in names):
            raise invalid(
                f"{place}.thinking_blocks[{number}]",
                "it is no block of thinking with its signature, as an answer has it",
            )
        at = entry.get("at", number)
        block = {"type": kind, **{name: entry[name] for name in names}}
        placed.append((at if isinstance(at, int) else number, block))
    whole = list(blocks)
    for at, block in placed:
        whole.insert(max(0, at), block)
    return whole
