"""Anthropic's named events as chunks of a chat completion.

`message_start`; per block of content `content_block_start`, `…_delta`, `…_stop`; `message_delta`
with the reason to stop and the counts, `message_stop`. `ping`, and events and deltas that are not
known, say nothing ("new event types may be added", platform.claude.com, "Streaming messages",
2026-11). A block of thinking goes out with its signature when it is whole.
"""

from typing import Any

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.claude.answer import (
    Block,
    Message,
    StopDetails,
    finish_of,
    thinking_block,
)
from llmproxy.infra.providers.claude.failures import claude_failure_in
from llmproxy.infra.providers.claude.thoughts import keep, thought
from llmproxy.infra.providers.claude.usage import WireUsage, usage_of
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.chat_answer import answer_head, asks_for_usage
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.sse import SseReader
from llmproxy.infra.wire.unreadable import UNREADABLE

Json = dict[str, Any]
SENSELESS = "The provider sent an event that makes no sense."


class Delta(msgspec.Struct):
    """The `delta` of a block or of the message; which fields are set, the types say."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class Event(msgspec.Struct):
    """Any event; which fields are set, `type` says."""

    type: str
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: WireUsage | None = None


class _Open:
    """A block that is being said. `tool` is the index of its call among the chunk's."""

    __slots__ = ("block", "pieces", "spoke", "tool")

    def __init__(self, block: Block, tool: int) -> None:
        self.block = block
        self.tool = tool
        self.pieces: list[str] = []
        self.spoke = False


_event = msgspec.json.Decoder(Event).decode


class ClaudeReader(SseReader):
    """Reads the stream of one message."""

    def __init__(self, call: Call, kept: KeptReasoning) -> None:
        super().__init__()
        self._call = call
        self._kept = kept
        self._chunks: ChatChunks | None = None
        self._open: dict[int, _Open] = {}
        self._thoughts: list[Json] = []
        self._calls: list[str] = []
        self._counted: WireUsage | None = None
        self._stop: str | None = None
        self._refusal: str | None = None

    @override
    def event(self, name: bytes, data: bytes) -> bytes:
        try:
            event = _event(data)
        except UNREADABLE as error:
            raise unreadable(SENSELESS, data) from error
        chunks = self._chunks
        if chunks is None:
            return self._before(event, data)
        said = (
            self._delta(event, chunks)
            if event.type == "content_block_delta"
            else self._other(event, chunks, data)
        )
        self._count(chunks)
        return said

    @override
    def end(self) -> bytes:
        chunks = self._chunks
        if chunks is None or not self.done or self._stop is None:
            raise Broken("The provider ended its answer early.")
        last = b""
        if self._refusal:
            last = chunks.refusal(self._refusal)
        chunks.finishes(finish_of(self._stop))
        last += chunks.end(self.usage)
        self._count(chunks)
        keep(self._kept, self._call.caller.project, self._calls, self._thoughts)
        return last

    def _before(self, event: Event, data: bytes) -> bytes:
        """Begin with `message_start`; only a ping or an error may come before it."""
        if event.type == "error":
            raise claude_failure_in(data)
        message = event.message
        if event.type != "message_start" or message is None:
            if event.type.startswith(("content_block", "message")):
                raise unreadable(SENSELESS, data)
            return b""
        self._counted = message.usage
        self._chunks = chunks = ChatChunks(
            answer_head(self._call, message.id), include_usage=asks_for_usage(self._call)
        )
        begun = chunks.role()
        self._count(chunks)
        return begun

    def _count(self, chunks: ChatChunks) -> None:
        self.spoke = chunks.spoke
        self.text_bytes = chunks.text_bytes
        self.events = chunks.events

    def _delta(self, event: Event, chunks: ChatChunks) -> bytes:
        delta = event.delta
        if delta is None:
            return b""
        if delta.type == "text_delta":
            return chunks.text(delta.text)
        opened = self._open.get(event.index)
        if opened is None:
            return b""
        said = b""
        if delta.type == "input_json_delta" and delta.partial_json:
            opened.spoke = True
            said = chunks.tool_arguments(opened.tool, delta.partial_json)
        elif delta.type == "thinking_delta":
            opened.pieces.append(delta.thinking)
            said = chunks.reasoning(delta.thinking)
        elif delta.type == "signature_delta":
            opened.block.signature += delta.signature
        return said

    def _other(self, event: Event, chunks: ChatChunks, data: bytes) -> bytes:
        kind = event.type
        if kind == "content_block_start" and event.content_block is not None:
            return self._starts(event.index, event.content_block, chunks)
        if kind == "content_block_stop":
            block = self._open.pop(event.index, None)
            return b"" if block is None else self._stops(event.index, block, chunks)
        if kind == "message_delta":
            self._learn(event)
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            raise claude_failure_in(data)
        return b""

    def _starts(self, index: int, block: Block, chunks: ChatChunks) -> bytes:
        if block.type == "text":
            return chunks.text(block.text)
        if block.type == "tool_use":
            self._calls.append(block.id)
            tool, begun = chunks.tool_begins(block.id, block.name)
            self._open[index] = _Open(block, tool)
            return begun
        if block.type in {"thinking", "redacted_thinking"}:
            opened = self._open[index] = _Open(block, -1)
            opened.pieces.append(block.thinking)
            return chunks.reasoning(block.thinking)
        return b""

    def _stops(self, index: int, opened: _Open, chunks: ChatChunks) -> bytes:
        block = opened.block
        if block.type == "tool_use":
            return (
                b""
                if opened.spoke
                else chunks.tool_arguments(opened.tool, bytes(block.input).decode())
            )
        block.thinking = "".join(opened.pieces)
        entry = thought(len(self._thoughts), index, thinking_block(block))
        self._thoughts.append(entry)
        return chunks.further({"thinking_blocks": [entry]})

    def _learn(self, event: Event) -> None:
        delta = event.delta
        if delta is not None and delta.stop_reason is not None:
            self._stop = delta.stop_reason
            details = delta.stop_details
            if details is not None and self._stop == "refusal":
                self._refusal = details.explanation
        if event.usage is not None:
            self.usage = usage_of(event.usage, self._counted)
