"""The events of `/chat/completions` and `/completions`, which end with `data: [DONE]`.

What this takes out of the stream: the final usage event when the gateway asked for it and the
caller did not, and the closing `data: [DONE]`, which the client's side writes itself. Everything
else passes untouched.
"""

import msgspec
from typing_extensions import override

from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.openai_wire.sse import SseEvents, data_of
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.wire.unreadable import UNREADABLE

FINISH = (b'"finish_reason":"', b'"finish_reason": "')
USAGE = (b'"usage":{', b'"usage": {')


class _Choice(msgspec.Struct):
    delta: dict[str, msgspec.Raw] | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: WireUsage | None = None


_chunk = msgspec.json.Decoder(_Chunk)
_EMPTY = (b"null", b'""', b"[]")


class ChatEvents(SseEvents):
    """`hide_usage` keeps the usage event from a caller that had not asked for it."""

    def __init__(self, exchange: Exchange, again: Again, *, hide_usage: bool) -> None:
        super().__init__(exchange, again)
        self._hide_usage = hide_usage

    @override
    def special(self, data: bytes) -> bool:
        if not self.finish_seen:
            self.finish_seen = FINISH[0] in data or FINISH[1] in data
        return b"[DONE]" in data or b"error" in data or USAGE[0] in data or USAGE[1] in data

    @override
    def passes(self, content: bytes) -> bool:
        if content == b"[DONE]":
            self._done = True
            return False
        if b'"usage"' not in content:
            return True
        chunk = _read(content)
        usage = None if chunk is None or chunk.usage is None else usage_from(chunk.usage)
        if chunk is None or usage is None:
            return True
        self.usage = usage
        return not self._hide_usage or bool(chunk.choices)

    @override
    def _speaks(self, batch: bytes) -> bool:
        seen = 0
        for event in batch.split(self._separator):
            content = data_of(event)
            seen += len(event) + len(self._separator)
            if not content:
                continue
            chunk = _read(content)
            if chunk is None or any(_speaks(choice) for choice in chunk.choices):
                if chunk is not None:
                    self._began(event, sum(map(_said_bytes, chunk.choices)), batch[seen:])
                return True
        return False


def _read(content: bytes) -> _Chunk | None:
    try:
        return _chunk.decode(content)
    except UNREADABLE:
        return None


def _said_bytes(choice: _Choice) -> int:
    delta = choice.delta or {}
    said = sum(len(bytes(value)) - 2 for name, value in delta.items() if name != "role")
    return max(said, 0) + len((choice.text or "").encode())


def _speaks(choice: _Choice) -> bool:
    if choice.finish_reason or choice.text:
        return True
    delta = choice.delta or {}
    return any(name != "role" and bytes(value) not in _EMPTY for name, value in delta.items())
