"""A model that needs no account.

It answers with what it was sent, streams word by word and reports usage.

One word counts as one token. Answers have OpenAI's shape, so that an application can be built
against it.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Answering, Events, Headers, Reply, Streaming
from llmproxy.domain.errors import Refused
from llmproxy.domain.usage import Usage
from llmproxy.infra.wire.unreadable import UNREADABLE

_encode = msgspec.json.Encoder().encode
_WORDS = re.compile(r"\s*\S+|\s+$")
MAX_CONTEXT_CHARS = 1_000_000
_QUIET = "The echo model repeats the text of your last message; it held none."


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, msgspec.Raw]] | None = None


_messages = msgspec.json.Decoder(list[_Message])
_options = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Echo(Answering, Streaming):
    """Never fails and never waits; refuses messages that it cannot read."""

    @override
    async def answer(self, call: Call) -> Reply:
        words, usage, finish = _echo(call)
        message = {"role": "assistant", "content": "".join(words), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        answer = {**_head(call, "chat.completion"), "choices": [choice], "usage": _wire(usage)}
        return Reply([(b"content-type", b"application/json")], _encode(answer), usage)

    @override
    async def stream(self, call: Call) -> Events:
        return _EchoEvents(call)


class _EchoEvents(Events):
    def __init__(self, call: Call) -> None:
        words, usage, finish = _echo(call)
        self._events = _chunks(call, words, usage, finish)
        self.headers: Headers = []
        self.usage: Usage | None = usage

    @override
    async def next(self) -> bytes | None:
        # Lets the event before reach the client: a transport only knows that it is full when its
        # loop turns, and others are to be served meanwhile.
        await asyncio.sleep(0)
        return next(self._events, None)

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Leave all to `next`: there is no connection to pour from."""

    @property
    @override
    def output_bytes(self) -> int:
        return 0

    @property
    @override
    def passed(self) -> int:
        return 0

    @override
    def has_content(self, batch: bytes) -> bool:
        return True

    @override
    def pulse_every(self, seconds: float) -> None:
        """Never silent: nothing to do."""

    @override
    def close(self) -> None:
        self._events = iter(())


def _chunks(call: Call, words: list[str], usage: Usage, finish: str) -> Iterator[bytes]:
    head = _head(call, "chat.completion.chunk")
    asked = _asked_for_usage(call)

    def event(choices: list[object], counted: object = None) -> bytes:
        chunk = {**head, "choices": choices}
        if asked:
            chunk["usage"] = counted
        return b"data: " + _encode(chunk) + b"\n\n"

    def choice(delta: dict[str, str], reason: str | None = None) -> list[object]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]

    yield event(choice({"role": "assistant", "content": ""}))
    for word in words:
        yield event(choice({"content": word}))
    yield event(choice({}, finish))
    if asked:
        yield event([], _wire(usage))


def _asked_for_usage(call: Call) -> bool:
    text = call.body.value("stream_options")
    asked = None if text is None or text == b"null" else _options.decode(text).get("include_usage")
    return asked is not None and bytes(asked) == b"true"


def _echo(call: Call) -> tuple[list[str], Usage, str]:
    """Return the words to say, what they count, and why they end."""
    try:
        messages = _messages.decode(call.body.value("messages") or b"[]")
        texts = [_text(message) for message in messages]
    except UNREADABLE as error:
        raise _refused(f"Invalid 'messages': {error}.", "invalid_type") from error
    if sum(map(len, texts)) > MAX_CONTEXT_CHARS:
        problem = f"This model's maximum context length is {MAX_CONTEXT_CHARS} characters."
        raise _refused(problem, "context_length_exceeded")
    words = _WORDS.findall(texts[-1] if texts and texts[-1].strip() else _QUIET)
    limit = call.max_output_tokens
    finish = "stop" if limit is None or len(words) <= limit else "length"
    said = words[:limit]
    return (
        said,
        Usage(input_tokens=sum(len(text.split()) for text in texts), output_tokens=len(said)),
        finish,
    )


def _refused(words: str, code: str) -> Refused:
    """Refuse as a provider does what the desk leaves to providers."""
    said = {"type": "invalid_request_error", "param": "messages", "code": code}
    return Refused(words, status=400, error=said)


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        texts = (part["text"] for part in message.content if "text" in part)
        return "\n".join(str(msgspec.json.decode(text)) for text in texts)
    return message.content or ""


def _head(call: Call, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{call.request_id.removeprefix('req_')}",
        "object": kind,
        "created": int(time.time()),  # noqa: TID251 - a field of the answer, not a measure
        "model": call.model,
        "system_fingerprint": "fp_echo",
    }


def _wire(usage: Usage) -> dict[str, object]:
    total_in, total_out = usage.total_input_tokens, usage.total_output_tokens
    return {
        "prompt_tokens": total_in,
        "completion_tokens": total_out,
        "total_tokens": total_in + total_out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
