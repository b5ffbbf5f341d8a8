"""A model that chats as a test says, and what it was asked."""

import asyncio
import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Events, Reply
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.infra.providers.responses_over_chat.adapter import ResponsesOverChat
from llmproxy.infra.wire.json_object import JsonObject
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import USAGE, Batch, FakeEvents, FakeProvider, call

Json = dict[str, Any]
ID = re.compile(r"\b(resp|rs|msg|fc|call)_[0-9a-f]{40,}")


class Chatting:
    """`over` answers responses, `chat` is the model under it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.chat = FakeProvider(self.clock)
        self.over = ResponsesOverChat(self.chat, self.chat, self.chat)

    def call(self, request: Json, endpoint: Endpoint = Endpoint.RESPONSES) -> Call:
        """The call of a client that sends this."""
        return call(
            self.clock,
            endpoint=endpoint,
            operation=Operation.RESPONSES,
            body=JsonObject(json.dumps(request, indent=1).encode()),
            stream=bool(request.get("stream")),
        )

    def whole(self, request: Json, answer: Json | None = None) -> Reply:
        """Ask for a response in one piece; the chat answers `answer`."""
        if answer is not None:
            headers = [b"content-type: application/json"]
            self.chat.reply = Reply(headers, json.dumps(answer).encode(), USAGE)
        return asyncio.run(self.over.answer(self.call(request)))

    def streamed(self, batches: Sequence[Batch], request: Json | None = None) -> Events:
        """Ask for a response in events; the chat gives these batches."""
        self.chat.streams.append(FakeEvents([*batches], USAGE))
        asked = request or {"model": "mini", "input": "x", "stream": True}
        return asyncio.run(self.over.stream(self.call(asked)))

    @property
    def asked(self) -> Json:
        """The last request that the chat got."""
        body = self.chat.calls[-1].body
        assert isinstance(body, JsonObject)
        return dict(json.loads(body.raw))


def says(text: str, **further: Any) -> Json:  # noqa: ANN401 - any JSON
    """A whole chat completion."""
    message = {"role": "assistant", "content": text, **further}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def chunk(finish: str | None = None, **delta: Any) -> bytes:  # noqa: ANN401 - any JSON
    """A chunk of a streamed one."""
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def event(data: Json) -> bytes:
    """An event of a chat."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def events_in(data: bytes) -> list[Json]:
    """The typed events in these bytes; the name of each is its type."""
    events = []
    for text in data.decode().split("\n\n")[:-1]:
        name, _, line = text.partition("\n")
        value = json.loads(line.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        events.append(value)
    return events


async def read(events: Events) -> bytes:
    """Everything to the end. Raises what is raised."""
    said = b""
    while (batch := await events.next()) is not None:
        said += batch
    return said


def failing(chatting: Chatting, request: Json) -> GatewayError:
    """The error that a request is answered with."""
    try:
        chatting.whole(request)
    except GatewayError as error:
        return error
    raise AssertionError("it was answered")


def masked(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same with ids and times that are always alike, and signatures in the open."""
    value = json.loads(ID.sub(r"\1_N", json.dumps(value)))
    return _masked(value)


def _masked(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _masked(each) for name, each in value.items()}
    for name in ("created_at", "completed_at"):
        if isinstance(made.get(name), int):
            made[name] = 0
    if isinstance(made.get("encrypted_content"), str):
        made["encrypted_content"] = json.loads(base64.b64decode(made["encrypted_content"]))
    return made
