"""A reply as Anthropic says it: the message, or the events of a stream.

Shapes: `Message`, `RawMessageStreamEvent` and their parts in `anthropic/types` of anthropic 2.12.0;
order of events: platform.claude.com, "Streaming messages".
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.simulators.anthropic_wire.reply import Reply
from tests.simulators.anthropic_wire.tokens import InputTokens
from tests.simulators.model import tokens_of

Json = dict[str, Any]

_FRAGMENT_CHARS = 6


def message_object(reply: Reply, spent: InputTokens) -> Json:
    """The answer of a call that does not stream."""
    usage = _input(spent) | {"output_tokens": reply.output_tokens, **_place()}
    return _message(reply) | {
        "content": list(reply.blocks),
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": reply.stop_details,
        "usage": usage | _thinking(reply),
    }


def message_events(reply: Reply, spent: InputTokens) -> list[Json]:
    """The events of a stream, `type` first in each: it is the event's name too."""
    return list(_events(reply, spent))


def _events(reply: Reply, spent: InputTokens) -> Iterator[Json]:
    # The API counts the first token or two before it has said anything.
    begun = _input(spent) | {"output_tokens": min(1, reply.output_tokens), **_place()}
    yield {"type": "message_start", "message": _message(reply) | {"usage": begun}}
    for index, block in enumerate(reply.blocks):
        opened = {"type": "content_block_start", "index": index}
        yield opened | {"content_block": _empty(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    counted = _input(spent) | {"output_tokens": reply.output_tokens} | _thinking(reply)
    counted.pop("cache_creation")
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": reply.stop_reason,
            "stop_sequence": reply.stop_sequence,
            "stop_details": reply.stop_details,
        },
        "usage": counted,
    }
    yield {"type": "message_stop"}


def _message(reply: Reply) -> Json:
    """The message before anything is said."""
    return {
        "model": reply.model,
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


def _input(spent: InputTokens) -> Json:
    return {
        "input_tokens": spent.fresh,
        "cache_creation_input_tokens": spent.written,
        "cache_read_input_tokens": spent.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": spent.written_5m,
            "ephemeral_1h_input_tokens": spent.written_1h,
        },
    }


def _place() -> Json:
    return {"service_tier": "standard", "inference_geo": "not_available"}


def _thinking(reply: Reply) -> Json:
    return {"output_tokens_details": {"thinking_tokens": reply.thinking_tokens}}


def _empty(block: Json) -> Json:
    """The block as it opens; redacted thinking is whole from the start."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) for name, value in block.items()}


def _deltas(block: Json) -> Iterator[Json]:
    kind = block["type"]
    if kind == "text":
        for token in tokens_of(block["text"]):
            yield {"type": "text_delta", "text": token}
    if kind == "thinking":
        for token in tokens_of(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": token}
        yield {"type": "signature_delta", "signature": block["signature"]}
    if kind == "tool_use":
        # An empty piece comes first; of a tool without arguments nothing else comes.
        yield {"type": "input_json_delta", "partial_json": ""}
        arguments = json.dumps(block["input"]) if block["input"] else ""
        for at in range(0, len(arguments), _FRAGMENT_CHARS):
            piece = arguments[at : at + _FRAGMENT_CHARS]
            yield {"type": "input_json_delta", "partial_json": piece}
