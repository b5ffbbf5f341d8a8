"""The response object around the output.

Fields: openai-python 3.57.0 `types/responses/response.py` and `response_usage.py`. What the request
set is said as it was set; what it left to the model is null, since nobody here knows it.
"""

import time
from collections.abc import Mapping, Sequence

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.responses_over_chat.conversation import Withheld
from llmproxy.infra.providers.translated.chat_request import JsonDict, value_of

NULL = msgspec.Raw(b"null")
DEFAULTS: Mapping[str, msgspec.Raw] = {
    "instructions": NULL,
    "max_output_tokens": NULL,
    "metadata": msgspec.Raw(b"{}"),
    "parallel_tool_calls": msgspec.Raw(b"true"),
    "prompt_cache_key": NULL,
    "safety_identifier": NULL,
    "temperature": NULL,
    "tool_choice": msgspec.Raw(b'"auto"'),
    "tools": msgspec.Raw(b"[]"),
    "top_logprobs": msgspec.Raw(b"0"),
    "top_p": NULL,
    "user": NULL,
}
"""Fields of the request that a response repeats, and what they are when it leaves them out."""


class ResponseObject:
    """The response to one call, while its output grows. `model` and `service_tier` may be set."""

    def __init__(self, call: Call, token: str, withheld: Sequence[Withheld]) -> None:
        self._call = call
        self._withheld = withheld
        self.id = f"resp_{token}"
        self.model = call.model
        self.service_tier: str | None = None
        self._created_at = _now()
        self._repeated = {name: _repeated(call, name) for name in DEFAULTS}
        self._text = {"format": {"type": "text"}} | _set(call, "text")
        self._reasoning = {"effort": None, "summary": None} | _set(call, "reasoning")

    def begun(self) -> dict[str, object]:
        """Return it before anything was said."""
        return self._made("in_progress", [], None)

    def ended(
        self, status: str, reason: str | None, output: list[JsonDict], usage: Usage | None
    ) -> dict[str, object]:
        """Return it whole; `reason` says why it is incomplete."""
        made = self._made(status, output, usage)
        if reason is not None:
            made["incomplete_details"] = {"reason": reason}
        if status == "completed":
            made["completed_at"] = _now()
        if self._withheld:
            made["input_transformations"] = [
                {"type": "reasoning", "id": each.id, "action": "removed", "reason": each.reason}
                for each in self._withheld
            ]
        return made

    def _made(self, status: str, output: list[JsonDict], usage: Usage | None) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "previous_response_id": None,
            "reasoning": self._reasoning,
            "service_tier": self.service_tier,
            "store": False,
            "text": self._text,
            "truncation": "disabled",
            "usage": None if usage is None else wire_usage(usage),
            **self._repeated,
        }


def wire_usage(usage: Usage) -> dict[str, object]:
    """Return usage as a response says it: the whole, with its parts beside it."""
    into, out = usage.total_input_tokens, usage.total_output_tokens
    return {
        "input_tokens": into,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_1h_tokens,
        },
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": into + out,
    }


def _now() -> int:
    return int(time.time())  # noqa: TID251 - a field of the answer, not a measure


def _repeated(call: Call, name: str) -> msgspec.Raw:
    """Return the text of a field on one line, as an event's data must be."""
    text = call.body.value(name)
    if text is None or text == b"null":
        return DEFAULTS[name]
    return msgspec.Raw(
        msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text
    )


def _set(call: Call, name: str) -> JsonDict:
    """Return the fields that an object of the request sets."""
    value = value_of(call, name) or {}
    return {field: each for field, each in value.items() if each is not None}
