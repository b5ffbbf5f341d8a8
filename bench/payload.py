"""The request and the answers of the benchmark, shared by the upstream, the load and the checks.

Field names and shapes are those of OpenAI's chat completions as the service sends them, unhelpful
ones included (`obfuscation`, `service_tier`): a gateway that drops or reorders them does work that
others do not.
"""

import json
from typing import Any

MODEL = "gpt-4o-mini"
# Translated to other wires: bench/translated.py.
CLAUDE, GEMINI = "claude-sonnet-4-5", "gemini-2.5-flash"
CHUNKS = 50
INPUT_TOKENS, OUTPUT_TOKENS = 142, 80
_SERVED_MODEL = "gpt-4o-mini-2024-07-18"
WORD = " token"
# A request may set the pace of its stream by the words "pace-0020ms" in its first message. Not by a
# field of its own: sglang-router 0.3 reads requests into a struct and drops some, `user` too.
PACE_MARK = b"pace-"
# The upstream's monotonic clock in the content of a paced event, in microseconds.
STAMP_MARK = b" at="
STAMP_DIGITS = 15
DONE = b"data: [DONE]\n\n"

_USAGE = {"prompt_tokens": 142, "completion_tokens": CHUNKS - 2, "total_tokens": 140 + CHUNKS}


def request_body(
    *,
    stream: bool = False,
    pace_ms: int | None = None,
    model: str = MODEL,
    with_usage: bool = False,
) -> bytes:
    """Make a chat request of about 700 bytes, as SDKs encode it: no blanks between tokens."""
    pace = f" pace-{pace_ms:04d}ms" if pace_ms is not None else ""
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant." + pace},
            {"role": "user", "content": "Lorem ipsum dolor sit amet. " * 20},
        ],
        "temperature": 0.7,
        "max_tokens": 150,
    }
    if stream:
        body["stream"] = True
    if with_usage:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":")).encode()


def pace_of(body: bytes) -> int:
    """Read the milliseconds between the events of the stream; 0: as fast as they can be written."""
    at = body.find(PACE_MARK)
    return int(body[at + len(PACE_MARK) :][:4]) if at >= 0 else 0


def answer_text() -> str:
    """Return the content of a whole answer."""
    return "The quick brown fox jumps over the lazy dog. " * 8


def answer_body() -> bytes:
    """Make the whole answer to a request without a stream."""
    details = {"reasoning_tokens": 0, "audio_tokens": 0}
    return json.dumps(
        {
            "id": "chatcmpl-abc123",
            "object": "chat.completion",
            "created": 1700000000,
            "model": _SERVED_MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": answer_text(),
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": INPUT_TOKENS,
                "completion_tokens": OUTPUT_TOKENS,
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": details
                | {"accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_x",
        }
    ).encode()


def _event(delta: dict[str, str] | None, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    body = {
        "id": "chatcmpl-abc123",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": _SERVED_MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_x",
        "choices": [] if delta is None else [choice],
    }
    return b"data: " + json.dumps(body | more, separators=(",", ":")).encode() + b"\n\n"


def stream_events() -> list[bytes]:
    """Make the 50 events before `[DONE]`: role, 48 tokens, end."""
    role = _event({"role": "assistant", "content": "", "refusal": ""}, obfuscation="x8sd")
    token = _event({"content": WORD}, obfuscation="x8sd")
    return [role, *[token] * (CHUNKS - 2), _event({}, "stop", obfuscation="x8sd")]


def usage_event() -> bytes:
    """Make what OpenAI sends before `[DONE]` to who asks with `stream_options.include_usage`."""
    return _event(None, usage=_USAGE)


def paced_event() -> tuple[bytes, bytes]:
    """One token event, in two halves: the stamp of `STAMP_DIGITS` digits goes between them."""
    event = _event({"content": STAMP_MARK.decode() + "#"}, obfuscation="x8sd")
    before, _, after = event.partition(b"#")
    return before, after


def streamed_text(model: str = MODEL) -> str:
    """Add up the content of an unpaced stream. OpenAI's has two chunks without text."""
    return WORD * (CHUNKS - 2 if model == MODEL else CHUNKS)
