"""Answers of these vendors, whole and in events, in OpenAI's very words."""

import secrets
from typing import Any

import msgspec
from typing_extensions import override

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.openai_wire.failures import stream_failure, unreadable
from llmproxy.infra.providers.openai_wire.sse import reports_error
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from
from llmproxy.infra.providers.translated.chat_answer import (
    AnswerHead,
    SaidCall,
    SaidChoice,
    chat_answer,
)
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.sse import SseReader
from llmproxy.infra.providers.translated.translation import Translated
from llmproxy.infra.wire.unreadable import UNREADABLE

NO_ID = (None, "", "null")
NOT_ASKED_FOR = "The provider's answer is not what was asked for."
FINISH = {"model_length": "length"}
"""Mistral's word for an answer that filled the model's context (mistralai 3.7.0)."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None
    index: int | None = None


class _Said(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[_Call] | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw(b"null")


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    usage: WireUsage | None = None


_answer = msgspec.json.Decoder(_Answer)


def translated(head: AnswerHead, body: bytes) -> Translated:
    """Return a whole answer. Raises Broken when it is none."""
    answer = _decoded(body)
    if not answer.choices:
        raise unreadable(NOT_ASKED_FOR, body, "it has no choices")
    usage = None if answer.usage is None else usage_from(answer.usage)
    ordered = sorted(answer.choices, key=lambda choice: choice.index)
    said = [_said(choice, body) for choice in ordered]
    return Translated(chat_answer(head, said, usage), usage)


def _said(choice: _Choice, body: bytes) -> SaidChoice:
    message = choice.message
    if message is None or choice.finish_reason is None:
        raise unreadable(NOT_ASKED_FOR, body, "a choice has no message or no end")
    text, thought = _texts(message)
    calls = [
        SaidCall(_id(call), call.function.name or "", _arguments(call.function))
        for call in message.tool_calls or ()
    ]
    logprobs = None if bytes(choice.logprobs) == b"null" else choice.logprobs
    return SaidChoice(
        None if calls and not text else text,
        _finish(choice.finish_reason),
        calls,
        reasoning=thought,
        logprobs=logprobs,
    )


class NearEvents(SseReader):
    """Reads events like OpenAI's; index and id tell which call a fragment belongs to."""

    def __init__(self, chunks: ChatChunks) -> None:
        super().__init__()
        self._chunks = chunks
        self._calls: dict[tuple[int, int], tuple[int, str]] = {}

    @override
    def event(self, name: bytes, data: bytes) -> bytes:
        if data == b"[DONE]":
            self.done = True
            return b""
        if b"error" in data and reports_error(b"", data):
            raise stream_failure(data)
        chunk = _decoded(data)
        if chunk.usage is not None:
            self.usage = usage_from(chunk.usage) or self.usage
        made = b"".join([self._choice(choice) for choice in chunk.choices])
        self._note()
        return made

    def _choice(self, choice: _Choice) -> bytes:
        chunks, number = self._chunks, choice.index
        delta = choice.delta or _Said()
        text, thought = _texts(delta)
        made = chunks.role(number)
        if thought:
            made += chunks.reasoning(thought, number)
        if text:
            logprobs = None if bytes(choice.logprobs) == b"null" else choice.logprobs
            made += chunks.text(text, number, logprobs)
        for at, call in enumerate(delta.tool_calls or ()):
            made += self._call(call, number, at)
        if choice.finish_reason is not None:
            chunks.finishes(_finish(choice.finish_reason), number)
        return made

    def _call(self, call: _Call, number: int, at: int) -> bytes:
        place = (number, at if call.index is None else call.index)
        known = self._calls.get(place)
        made = b""
        if known is None or (call.id not in NO_ID and call.id != known[1]):
            id_ = _id(call)
            index, made = self._chunks.tool_begins(id_, call.function.name or "", number)
            self._calls[place] = known = (index, id_)
        arguments = _arguments(call.function, whole=False)
        return made + self._chunks.tool_arguments(known[0], arguments, number)

    @override
    def end(self) -> bytes:
        made = self._chunks.end(self.usage)
        self._note()
        return made

    def _note(self) -> None:
        chunks = self._chunks
        self.spoke, self.text_bytes, self.events = chunks.spoke, chunks.text_bytes, chunks.events


def _id(call: _Call) -> str:
    """Return the id of a call, or one that Mistral takes where the model gave none."""
    return secrets.token_hex(5)[:9] if call.id is None or call.id in NO_ID else call.id


def _texts(said: _Said) -> tuple[str, str]:
    """Return what is said and what is thought aloud; Mistral puts both into parts of content."""
    content = said.content
    if content is None or isinstance(content, str):
        return content or "", said.reasoning_content or ""
    text = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    thought = "".join(
        piece.get("text") or ""
        for part in content
        if part.get("type") == "thinking"
        for piece in part.get("thinking") or ()
    )
    return text, thought


def _arguments(function: _Function, *, whole: bool = True) -> str:
    """Return the arguments as JSON text; Mistral may send them as an object."""
    arguments = function.arguments
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode("utf-8")
    return arguments or ("{}" if whole else "")


def _finish(reason: str) -> str:
    if reason == "error":
        raise Broken(
            "The provider failed in the middle of its answer.", detail="finish_reason error"
        )
    return FINISH.get(reason, reason)


def _decoded(body: bytes) -> _Answer:
    try:
        return _answer.decode(body)
    except UNREADABLE as error:
        raise unreadable(NOT_ASKED_FOR, body, str(error)) from error
