"""Answers in Anthropic's wire, as the service sends them.

Shapes: anthropic 2.12.0 `types/message.py`, `types/raw_message_stream_event.py`; the order of the
events: platform.claude.com, "Streaming messages" (2026-11).
"""

import json
from typing import Any

from bench import payload

Json = dict[str, Any]
_SERVED_MODEL = f"{payload.CLAUDE}-20250929"


def _usage(output_tokens: int) -> Json:
    return {
        "input_tokens": payload.INPUT_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _message(content: list[Json], stop_reason: str | None, output_tokens: int) -> Json:
    return {
        "model": _SERVED_MODEL,
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": _usage(output_tokens),
    }


def answer_body() -> bytes:
    """Make the whole message."""
    content = [{"type": "text", "text": payload.answer_text()}]
    return json.dumps(
        _message(content, "end_turn", payload.OUTPUT_TOKENS), separators=(",", ":")
    ).encode()


def _event(kind: str, **fields: object) -> bytes:
    data = json.dumps({"type": kind} | fields, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _delta(text: str) -> bytes:
    return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def first_events() -> list[bytes]:
    """Make what comes before the text."""
    return [
        _event("message_start", message=_message([], None, 1)),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _event("ping"),
    ]


def text_event() -> bytes:
    """Make one of the 50 chunks."""
    return _delta(payload.WORD)


def paced_event() -> tuple[bytes, bytes]:
    """Make the same in two halves, as `payload.paced_event` does."""
    before, _, after = _delta(payload.STAMP_MARK.decode() + "#").partition(b"#")
    return before, after


def last_events() -> list[bytes]:
    """Make what comes behind the text."""
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = _usage(payload.CHUNKS)
    del usage["cache_creation"], usage["service_tier"]
    return [
        _event("content_block_stop", index=0),
        _event("message_delta", delta=end, usage=usage),
        _event("message_stop"),
    ]
