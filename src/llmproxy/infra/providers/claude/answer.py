"""A whole message of Anthropic's as a chat completion.

| `stop_reason` | `finish_reason` |
|---|---|
| `end_turn`, `stop_sequence` | `stop` |
| `tool_use` | `tool_calls` |
| `max_tokens`, `model_context_window_exceeded`, `pause_turn` | `length` |
| `refusal` | `content_filter`, with the explanation, if any, in `refusal` |

A reason that is not known here is `length`: nobody knows whether that answer is complete. Blocks of
tools that run at Anthropic are passed over: no request made here asks for any. Fields:
`types/message.py`, `types/stop_reason.py` of anthropic 2.12.0.
"""

from typing import Any

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.claude.failures import claude_failure_in
from llmproxy.infra.providers.claude.thoughts import keep, thought
from llmproxy.infra.providers.claude.usage import WireUsage, usage_of
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.chat_answer import (
    SaidCall,
    SaidChoice,
    answer_head,
    chat_answer,
)
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.wire.unreadable import UNREADABLE

Json = dict[str, Any]
NO_MESSAGE = "The provider's answer is no message."

_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Block(msgspec.Struct):
    """A block of content; which fields are set, `type` says. `input` is JSON text."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class StopDetails(msgspec.Struct):
    """Why the model refused, in words for people."""

    explanation: str | None = None


class Message(msgspec.Struct):
    """A message, or what `message_start` tells of one."""

    type: str = ""
    id: str | None = None
    content: list[Block] = []
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: WireUsage | None = None


_message = msgspec.json.Decoder(Message).decode


def finish_of(stop_reason: str) -> str:
    """Return the reason in OpenAI's words."""
    return _FINISHES.get(stop_reason, "length")


def thinking_block(block: Block) -> Json:
    """Return a block of thinking as it must come back."""
    if block.type == "thinking":
        return {"type": "thinking", "thinking": block.thinking, "signature": block.signature}
    return {"type": "redacted_thinking", "data": block.data}


def translated_answer(call: Call, body: bytes, kept: KeptReasoning) -> tuple[bytes, Usage | None]:
    """Return the chat completion. Raises UpstreamError when the body tells of a failure or none."""
    try:
        message = _message(body)
    except UNREADABLE as error:
        raise unreadable(NO_MESSAGE, body) from error
    if message.type == "error":
        raise claude_failure_in(body)
    if message.type != "message" or message.stop_reason is None:
        raise unreadable(NO_MESSAGE, body)
    choice = _said(message)
    keep(
        kept,
        call.caller.project,
        [said.id for said in choice.calls],
        choice.further.get("thinking_blocks", []),  # type: ignore[arg-type]
    )
    usage = usage_of(message.usage)
    return chat_answer(answer_head(call, message.id), [choice], usage), usage


def _said(message: Message) -> SaidChoice:
    texts: list[str] = []
    reasoning: list[str] = []
    calls: list[SaidCall] = []
    thoughts: list[Json] = []
    for at, block in enumerate(message.content):
        if block.type == "text":
            texts.append(block.text)
        elif block.type == "tool_use":
            calls.append(SaidCall(block.id, block.name, bytes(block.input).decode()))
        elif block.type in {"thinking", "redacted_thinking"}:
            reasoning.append(block.thinking)
            thoughts.append(thought(len(thoughts), at, thinking_block(block)))
    details = message.stop_details
    refusal = details.explanation if details and message.stop_reason == "refusal" else None
    text = "".join(texts)
    return SaidChoice(
        text=text if text or not (calls or refusal) else None,
        finish=finish_of(message.stop_reason or ""),
        calls=calls,
        reasoning="".join(reasoning),
        refusal=refusal,
        further={"thinking_blocks": thoughts} if thoughts else {},
    )
