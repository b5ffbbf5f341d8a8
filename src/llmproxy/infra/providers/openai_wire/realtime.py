"""Realtime sessions over WebSocket: where they go, and what of their frames is looked at.

Frames pass as they are. Looked into are only those in which a plain search finds one of a few
words: the provider's events that tell of money, and the caller's `session.update`, in which the
model is the provider's own name. Events: OpenAI's API description 2.3.0 (RealtimeServerEvent…).
"""

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.talk import TEXT, Ending, Frame, Talk
from llmproxy.application.interfaces.upstream import Conversation, Conversing, Reading
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.credentials.credential import heard, signed
from llmproxy.infra.providers.openai_wire.endpoints import Site
from llmproxy.infra.providers.openai_wire.failures import failure, transport_failure
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.wire.json_object import JsonObject, NotAnObject, RepeatedField
from llmproxy.infra.wire.unreadable import UNREADABLE

if TYPE_CHECKING:
    from llmproxy.infra.providers.transport.switching import Switching

BEGUN = "response.created"
DONE = "response.done"
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
UPDATE = b"session.update"
_MARKS = (DONE.encode(), BEGUN.encode(), b"input_audio_transcription.completed")
_encode = msgspec.json.Encoder().encode


class _Response(msgspec.Struct):
    usage: WireUsage | None = None


class _Event(msgspec.Struct):
    type: str
    response: _Response | None = None
    usage: WireUsage | None = None


class _Named(msgspec.Struct):
    type: str


_event = msgspec.json.Decoder(_Event).decode
_named = msgspec.json.Decoder(_Named).decode


class RealtimeWire(Conversing):
    """`max_message_bytes` bounds a message of the provider."""

    def __init__(
        self, client: HttpClient, site: Site, *, connect_s: float, max_message_bytes: int
    ) -> None:
        # What `switch` needs, 18 ms: not first within a request, when no file can be opened maybe.
        import llmproxy.infra.providers.transport.switching  # noqa: F401, PLC0415

        self._client = client
        self._site = site
        self._model = site.deployment or site.model
        self._connect_s = connect_s
        self._max_message_bytes = max_message_bytes

    @override
    async def converse(self, call: Call) -> Conversation:
        url = self._site.url(Endpoint.REALTIME) or ""
        transcribes = call.body.value("intent") is not None
        url += "?intent=transcription" if transcribes else f"?model={quote(self._model, safe='')}"
        headers = await signed(self._site.headers, self._site.credential)
        try:
            switching = await self._client.switch(url, headers, self._connect_s)
        except TransportError as error:
            raise transport_failure(error) from error
        heard(switching.status, self._site.credential)
        if not switching.switched:
            raise failure(switching.status, switching.headers, switching.body)
        return await self._begin(call, switching)

    async def _begin(self, call: Call, switching: "Switching") -> Conversation:
        conversation = RealtimeConversation(
            switching.talk(self._max_message_bytes), call.model, self._model
        )
        session = call.body.value("session")
        if session is not None:
            update = b'{"type":"session.update","session":%b}' % session
            await conversation.send(Frame(TEXT, update))
        return conversation


class RealtimeConversation(Conversation):
    """A talk in which `asked` stands for the model that the provider calls `model`."""

    def __init__(self, talk: Talk, asked: str, model: str) -> None:
        self._talk = talk
        self._asked = _encode(asked)
        self._model = _encode(model)
        self._parts: list[bytes] = []

    @override
    async def receive(self) -> Frame | None:
        return await self._talk.receive()

    @override
    async def broken(self) -> None:
        await self._talk.broken()

    @override
    async def send(self, frame: Frame) -> None:
        data = frame.data
        if frame.opcode == TEXT and frame.final and UPDATE in data and self._asked in data:
            frame = frame._replace(data=self._renamed(data))
        await self._talk.send(frame)

    @override
    def close(self, code: int, reason: str = "") -> None:
        self._talk.close(code, reason)

    @property
    @override
    def ending(self) -> Ending | None:
        return self._talk.ending

    @override
    def reading(self, frame: Frame) -> Reading | None:
        message = self._message(frame)
        if message is None or not any(mark in message for mark in _MARKS):
            return None
        try:
            event = _event(message)
        except UNREADABLE:
            return _unmeasured(message)
        if event.type == BEGUN:
            return Reading(begun=True, done=False, usage=None)
        if event.type == DONE:
            wire = None if event.response is None else event.response.usage
        elif event.type == TRANSCRIBED:
            wire = event.usage
        else:
            return None
        usage = None if wire is None else usage_from(wire)
        return Reading(begun=False, done=event.type == DONE, usage=usage)

    def _message(self, frame: Frame) -> bytes | None:
        """Return the whole message that this frame ends; its size is bounded by the talk."""
        if frame.final and not self._parts:
            return frame.data
        self._parts.append(frame.data)
        if not frame.final:
            return None
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def _renamed(self, data: bytes) -> bytes:
        """Put the provider's name of the model into a `session.update` that names ours."""
        if self._asked == self._model:
            return data
        try:
            event = JsonObject(data)
            if event.value("type") != b'"session.update"':
                return data
            session = _with(event.value("session"), ("model",), self._asked, self._model)
            session = _with(session, TRANSCRIPTION_MODEL, self._asked, self._model)
        except (NotAnObject, RepeatedField):
            return data  # the provider refuses it in its own words
        return data if session is None else event.rewritten({"session": session})


TRANSCRIPTION_MODEL = ("audio", "input", "transcription", "model")


def _with(text: bytes | None, path: tuple[str, ...], old: bytes, new: bytes) -> bytes | None:
    """Return the JSON text with the value at this path replaced, if it is the old one."""
    if text is None or text == b"null":
        return text
    if not path:
        return new if text == old else text
    within = JsonObject(text)
    inner = within.value(path[0])
    changed = _with(inner, path[1:], old, new)
    if changed is None or changed == inner:
        return text
    return within.rewritten({path[0]: changed})


def _unmeasured(message: bytes) -> Reading | None:
    """Return that a response is done though its usage makes no sense; None if it is no event."""
    try:
        kind = _named(message).type
    except UNREADABLE:
        return None
    return Reading(begun=False, done=True, usage=None) if kind == DONE else None
