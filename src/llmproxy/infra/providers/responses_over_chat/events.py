"""The events of a response, made of a chat's while they arrive."""

from collections.abc import Callable

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Events, Headers
from llmproxy.domain.errors import Broken, GatewayError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.sse import data_of
from llmproxy.infra.providers.responses_over_chat.chat_words import read_chat
from llmproxy.infra.providers.responses_over_chat.event_writer import EventWriter
from llmproxy.infra.providers.responses_over_chat.output import Output
from llmproxy.infra.providers.responses_over_chat.request import Asked
from llmproxy.infra.providers.responses_over_chat.response import ResponseObject
from llmproxy.infra.providers.responses_over_chat.vocabulary import error_back, headers_back

Sink = Callable[[bytes], bool]


class OverChatEvents(Events):
    """`chat` are the events of the chat; `dropped` what of the request it was not asked."""

    def __init__(self, chat: Events, call: Call, asked: Asked, dropped: list[str]) -> None:
        self._chat = chat
        self._asked = asked
        self._dropped = dropped
        self._writer = EventWriter()
        self._output = Output(self._writer, call.model, summarized=asked.summarized)
        self._response = ResponseObject(call, self._output.token, asked.withheld)
        self._began = False
        self._ended = False
        self._sink: Sink | None = None
        self._kept = b""
        self._read = 0
        self._late: Broken | None = None
        self.headers: Headers = []
        self.usage: Usage | None = None

    @override
    async def next(self) -> bytes | None:
        try:
            while not self._ended:
                if self._late is not None and not self._kept:
                    raise self._late
                batch = b"" if self._late is not None else await self._arrived()
                if batch is None:
                    self._ended = True
                    return self._last()
                events, self._kept = self._kept, b""
                if not batch:
                    return events
                fresh, self._read = batch[self._read :], 0
                events += self._translated(fresh)
                if events:
                    return events
        except Broken:
            self._chat.close()
            raise
        return None

    async def _arrived(self) -> bytes | None:
        """Return the chat's next events. Raises its error, in the caller's words."""
        try:
            batch = await self._chat.next()
        except GatewayError as error:
            raise error_back(error, self._asked.places) from error
        self.usage = self._chat.usage
        if batch and not self.headers:
            self.headers = headers_back(self._chat.headers, self._dropped)
        return batch

    @override
    async def pour(self, sink: Sink) -> None:
        if self._began and not self._kept and self._late is None:
            self._sink = sink
            try:
                await self._chat.pour(self._forward)
            finally:
                self._sink = None

    def _forward(self, data: bytes) -> bool:
        """Pass on what becomes of these events; what the sink declines is left to `next`.

        The chat then gives the same events once more, which are not read twice.
        """
        events = self._translated(data)
        if self._late is not None or (events and (self._sink is None or not self._sink(events))):
            self._kept, self._read = events, len(data)
            return False
        return True

    def _translated(self, data: bytes) -> bytes:
        """Return the events that become of these; what is wrong with the rest is raised later."""
        if b"\r" in data:
            data = data.replace(b"\r", b"")
        try:
            for event in data.split(b"\n\n"):
                content = data_of(event)
                if content:
                    self._hear(content)
        except Broken as error:
            self._late = error
        return self._writer.take()

    def _hear(self, content: bytes) -> None:
        chat = read_chat(content)
        if not self._began:
            self._begin(chat.model)
        if chat.service_tier is not None:
            self._response.service_tier = chat.service_tier
        for choice in chat.choices:
            if choice.delta is not None:
                self._output.hear(choice.delta, choice.logprobs)
            self._output.finishes(choice.finish_reason)

    def _begin(self, model: str | None) -> None:
        self._began = True
        if model:
            self._response.model = model
        begun = {"response": self._response.begun()}
        self._writer.event("created", begun)
        self._writer.event("in_progress", begun)

    def _last(self) -> bytes:
        """Return the events at the end of a complete chat. Raises Broken."""
        status, reason = self._output.end()
        whole = self._response.ended(status, reason, self._output.items, self.usage)
        self._writer.event(status, {"response": whole})
        kept, self._kept = self._kept, b""
        return kept + self._writer.take()

    @property
    @override
    def output_bytes(self) -> int:
        return self._chat.output_bytes

    @property
    @override
    def passed(self) -> int:
        return self._writer.count

    @override
    def has_content(self, batch: bytes) -> bool:
        return self._output.spoke

    @override
    def pulse_every(self, seconds: float) -> None:
        self._chat.pulse_every(seconds)

    @override
    def close(self) -> None:
        self._chat.close()
