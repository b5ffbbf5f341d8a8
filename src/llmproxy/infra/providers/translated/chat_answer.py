"""A chat completion in one piece, in OpenAI's words, and what its parts share with streamed ones.

Shape: openai-python 3.57.0 `types/chat/chat_completion.py`, `types/completion_usage.py`.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage

_encode = msgspec.json.Encoder().encode
_options = msgspec.json.Decoder(dict[str, msgspec.Raw])


class AnswerHead(NamedTuple):
    """What every chunk of an answer says alike. `created` is in unix seconds."""

    id: str
    created: int
    model: str


def answer_head(call: Call, upstream_id: str | None = None) -> AnswerHead:
    """Return the head of an answer; the provider's own id is kept where there is one."""
    made = upstream_id or secrets.token_hex(12)
    id_ = made if made.startswith("chatcmpl-") else f"chatcmpl-{made}"
    return AnswerHead(id_, int(time.time()), call.model)  # noqa: TID251 - a field of the answer


@dataclass(slots=True)
class SaidCall:
    """A tool call: `arguments` is JSON text; `further` are fields that OpenAI has no word for."""

    id: str
    name: str
    arguments: str
    further: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class SaidChoice:
    """One choice, complete. `finish` is in OpenAI's words; `further` goes into the message."""

    text: str | None
    finish: str
    calls: list[SaidCall] = field(default_factory=list)
    reasoning: str = ""
    refusal: str | None = None
    logprobs: object = None
    further: dict[str, object] = field(default_factory=dict)


def finish_reason(reason: str, *, called: bool) -> str:
    """Return the reason as OpenAI has it: `tool_calls` if and only if tools were called.

    An answer that was cut (`length`, `content_filter`) stays one, whatever was called before.
    """
    if reason in {"length", "content_filter"}:
        return reason
    return "tool_calls" if called else "stop"


def chat_answer(head: AnswerHead, choices: list[SaidChoice], usage: Usage | None) -> bytes:
    """Return the JSON of a chat completion."""
    answer: dict[str, object] = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [_choice(index, said) for index, said in enumerate(choices)],
    }
    if usage is not None:
        answer["usage"] = wire_usage(usage)
    return _encode(answer)


def _choice(index: int, said: SaidChoice) -> dict[str, object]:
    message: dict[str, object] = {
        "role": "assistant",
        "content": said.text,
        "refusal": said.refusal,
        "annotations": [],
    }
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
                **call.further,
            }
            for call in said.calls
        ]
    message |= said.further
    return {
        "index": index,
        "message": message,
        "logprobs": said.logprobs,
        "finish_reason": finish_reason(said.finish, called=bool(said.calls)),
    }


def wire_usage(usage: Usage) -> dict[str, object]:
    """Return usage as OpenAI writes it: the whole, with its parts beside it."""
    into, out = usage.total_input_tokens, usage.total_output_tokens
    return {
        "prompt_tokens": into,
        "completion_tokens": out,
        "total_tokens": into + out,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_1h_tokens,
            "audio_tokens": usage.audio_input_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def asks_for_usage(call: Call) -> bool:
    """Whether the request wants usage at the end of its stream."""
    text = call.body.value("stream_options")
    asked = None if text is None or text == b"null" else _options.decode(text).get("include_usage")
    return asked is not None and bytes(asked) == b"true"
