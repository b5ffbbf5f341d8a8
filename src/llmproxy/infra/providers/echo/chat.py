"""Chat completions: the text of the last message comes back."""

import time
from collections.abc import Iterator

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.streaming import event
from llmproxy.infra.providers.echo.words import (
    Said,
    answer_id,
    check_length,
    refused,
    said,
    wire_usage,
)
from llmproxy.infra.providers.translated.chat_answer import asks_for_usage
from llmproxy.infra.wire.unreadable import UNREADABLE

_QUIET = "The echo model repeats the text of your last message; it held none."


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, msgspec.Raw]] | None = None


_messages = msgspec.json.Decoder(list[_Message])


def chat_answer(call: Call) -> tuple[dict[str, object], Usage]:
    """Return the answer in one piece."""
    spoken, usage = _echo(call)
    message = {"role": "assistant", "content": "".join(spoken.words), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": spoken.finish}
    head = _head(call, "chat.completion")
    return {**head, "choices": [choice], "usage": wire_usage(usage)}, usage


def chat_events(call: Call) -> tuple[Iterator[bytes], Usage]:
    """Return the answer word by word."""
    spoken, usage = _echo(call)
    return _chunks(call, spoken, usage), usage


def _chunks(call: Call, spoken: Said, usage: Usage) -> Iterator[bytes]:
    head = _head(call, "chat.completion.chunk")
    asked = asks_for_usage(call)
    nothing: dict[str, object] = {"usage": None} if asked else {}

    def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event({**head, "choices": [choice], **nothing})

    yield chunk({"role": "assistant", "content": ""})
    for word in spoken.words:
        yield chunk({"content": word})
    yield chunk({}, spoken.finish)
    if asked:
        yield event({**head, "choices": [], "usage": wire_usage(usage)})


def _echo(call: Call) -> tuple[Said, Usage]:
    try:
        messages = _messages.decode(call.body.value("messages") or b"[]")
        texts = [_text(message) for message in messages]
    except UNREADABLE as error:
        raise refused(f"Invalid 'messages': {error}.", "messages", "invalid_type") from error
    check_length("messages", texts)
    last = texts[-1] if texts and texts[-1].strip() else _QUIET
    spoken = said(last, call.max_output_tokens)
    counted = sum(len(text.split()) for text in texts)
    return spoken, Usage(input_tokens=counted, output_tokens=len(spoken.words))


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        texts = (part["text"] for part in message.content if "text" in part)
        return "\n".join(str(msgspec.json.decode(text)) for text in texts)
    return message.content or ""


def _head(call: Call, kind: str) -> dict[str, object]:
    return {
        "id": answer_id("chatcmpl", call),
        "object": kind,
        "created": int(time.time()),  # noqa: TID251 - a field of the answer, not a measure
        "model": call.model,
        "system_fingerprint": "fp_echo",
    }
