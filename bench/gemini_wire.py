"""Answers in Gemini's wire, as Vertex AI sends them: events end in CRLF, and there is no last one.

Shape: google-genai 3.6.1 `types.py` (GenerateContentResponse). Counts come with the last chunk; the
others say the kind of traffic only.
"""

import json
from typing import Any

from bench import payload

Json = dict[str, Any]


def _counts(output_tokens: int) -> Json:
    return {
        "promptTokenCount": payload.INPUT_TOKENS,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": payload.INPUT_TOKENS + output_tokens,
        "trafficType": "ON_DEMAND",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": payload.INPUT_TOKENS}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": output_tokens}],
    }


def _response(text: str, output_tokens: int | None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}}
    if output_tokens is not None:
        candidate |= {"finishReason": "STOP", "avgLogprobs": -0.1}
    return {
        "candidates": [candidate],
        "usageMetadata": {"trafficType": "ON_DEMAND"}
        if output_tokens is None
        else _counts(output_tokens),
        "modelVersion": payload.GEMINI,
        "createTime": "2026-11-20T09:15:00.123456Z",
        "responseId": "bench-5f2d7c9b1e8a4c60",
    }


def answer_body() -> bytes:
    """Make the whole answer, indented as Google does."""
    return json.dumps(_response(payload.answer_text(), payload.OUTPUT_TOKENS), indent=2).encode()


def _event(text: str, output_tokens: int | None = None) -> bytes:
    data = json.dumps(_response(text, output_tokens), separators=(",", ":"))
    return f"data: {data}\r\n\r\n".encode()


def text_event() -> bytes:
    """Make one of the chunks before the last."""
    return _event(payload.WORD)


def paced_event() -> tuple[bytes, bytes]:
    """Make the same in two halves, as `payload.paced_event` does."""
    before, _, after = _event(payload.STAMP_MARK.decode() + "#").partition(b"#")
    return before, after


def last_event() -> bytes:
    """Make the last of the 50 chunks, which has text too."""
    return _event(payload.WORD, payload.CHUNKS)
