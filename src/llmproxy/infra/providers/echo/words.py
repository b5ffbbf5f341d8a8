"""What the echo model says and counts: one word is one token."""

import re
from typing import NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Refused
from llmproxy.domain.usage import Usage

_WORDS = re.compile(r"\s*\S+|\s+$")
MAX_CONTEXT_CHARS = 1_000_000


class Said(NamedTuple):
    """The words of an answer, and why they end."""

    words: list[str]
    finish: str


def said(text: str, limit: int | None) -> Said:
    """Return a text word by word, cut at the limit."""
    words = _WORDS.findall(text)
    if limit is None or len(words) <= limit:
        return Said(words, "stop")
    return Said(words[:limit], "length")


def check_length(field: str, texts: list[str]) -> None:
    """Raise Refused for more than the model takes."""
    if sum(map(len, texts)) > MAX_CONTEXT_CHARS:
        problem = f"This model's maximum context length is {MAX_CONTEXT_CHARS} characters."
        raise refused(problem, field, "context_length_exceeded")


def refused(words: str, field: str, code: str) -> Refused:
    """Refuse as a provider does what the desk leaves to providers."""
    error = {"type": "invalid_request_error", "param": field, "code": code}
    return Refused(words, status=400, error=error)


def answer_id(prefix: str, call: Call) -> str:
    """Return the id of an answer: that of its request, behind OpenAI's prefix."""
    return f"{prefix}-{call.request_id.removeprefix('req_')}"


def wire_usage(usage: Usage) -> dict[str, object]:
    """Return usage in OpenAI's words."""
    total_in, total_out = usage.total_input_tokens, usage.total_output_tokens
    return {
        "prompt_tokens": total_in,
        "completion_tokens": total_out,
        "total_tokens": total_in + total_out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
