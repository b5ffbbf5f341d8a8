"""Providers that answer as a test says, and what is needed to call them."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from typing_extensions import override

from llmproxy.application.interfaces.call import Call, RequestBody
from llmproxy.application.interfaces.rendering import Rendered, Rendering
from llmproxy.application.interfaces.upstream import (
    Answering,
    Deployment,
    Events,
    Headers,
    Reply,
    Streaming,
)
from llmproxy.domain.caller import Caller
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document

CALLER = Caller(key_id="key_1", project="alpha", models=None, admin=False, expires_at=None)
USAGE = Usage(input_tokens=10, output_tokens=4)
Batch = bytes | Exception | None


class FakeBody(RequestBody):
    """JSON texts by field."""

    def __init__(self, fields: Mapping[str, bytes] | None = None) -> None:
        self._fields = dict(fields or {})

    @property
    @override
    def fields(self) -> Collection[str]:
        return self._fields

    @override
    def value(self, field: str) -> bytes | None:
        return self._fields.get(field)

    @override
    def rewritten(self, changes: Mapping[str, bytes], without: Collection[str] = ()) -> bytes:
        fields = {**self._fields, **changes}
        return repr({name: fields[name] for name in fields if name not in without}).encode()


class FakeEvents(Events):
    """Hands over `batches` in turn: bytes, None for the end, or an error to raise.

    A batch that holds b"content" is content. `hangs` waits for ever where the batches end.
    """

    def __init__(self, batches: list[Batch], usage: Usage | None, *, hangs: bool = False) -> None:
        self.batches = batches
        self.hangs = hangs
        self.usage = usage
        self.headers: Headers = [b"x-llmproxy-upstream-request-id: u1"]
        self.given_bytes = 0
        self.closed = False
        self.pulse_s: float | None = None

    @property
    @override
    def output_bytes(self) -> int:
        return self.given_bytes

    @property
    @override
    def passed(self) -> int:
        return self.given_bytes

    @override
    async def next(self) -> bytes | None:
        if self.hangs and not self.batches:
            await asyncio.Event().wait()
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        self.given_bytes += len(batch or b"")
        return batch

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        while self.batches and isinstance(batch := self.batches[0], bytes) and sink(batch):
            self.batches.pop(0)
            self.given_bytes += len(batch)

    @override
    def has_content(self, batch: bytes) -> bool:
        return b"content" in batch

    @override
    def pulse_every(self, seconds: float) -> None:
        self.pulse_s = seconds

    @override
    def close(self) -> None:
        self.closed = True


class FakeProvider(Answering, Streaming, Rendering):
    """Answers with `reply` or raises it; streams `streams` one after another.

    Every call takes `takes_s` of the clock. `hangs` never answers. `refusal` is raised instead of
    showing `shown`.
    """

    def __init__(self, clock: FakeClock, reply: Reply | Exception | None = None) -> None:
        self._clock = clock
        self.reply = reply if reply is not None else good_reply()
        self.streams: list[FakeEvents | Exception] = []
        self.calls: list[Call] = []
        self.takes_s = 0.5
        self.hangs = False
        self.shown: Rendered | None = Rendered("POST", "http://fake/v1", [], b"{}")
        self.refusal: GatewayError | None = None

    @override
    async def render(self, call: Call) -> Rendered | None:
        if self.refusal is not None:
            raise self.refusal
        return self.shown

    async def _take(self, call: Call) -> None:
        self.calls.append(call)
        if self.hangs:
            await asyncio.Event().wait()
        self._clock.advance(self.takes_s)

    @override
    async def answer(self, call: Call) -> Reply:
        await self._take(call)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    @override
    async def stream(self, call: Call) -> Events:
        await self._take(call)
        events = self.streams.pop(0)
        if isinstance(events, Exception):
            raise events
        return events


def good_reply(usage: Usage | None = USAGE) -> Reply:
    """A whole answer."""
    return Reply([b"content-type: application/json"], b'{"choices":[]}', usage)


def deployment(
    provider: FakeProvider | None = None, /, not_ready: str | None = None, **changes: object
) -> Deployment:
    """A deployment of `document(**changes)` served by this provider, asked once in a call."""
    model = parse_model(document(**({"routing": {"retries": 0}} | changes))).model
    return Deployment(model, provider, provider, not_ready, rendering=provider)


def call(clock: FakeClock, **changes: object) -> Call:
    """A chat completion call of `CALLER` for the model `mini`."""
    fields: dict[str, object] = {
        "request_id": "req_1",
        "caller": CALLER,
        "endpoint": Endpoint.CHAT_COMPLETIONS,
        "operation": Operation.CHAT_COMPLETION,
        "model": "mini",
        "body": FakeBody(),
        "prompt_bytes": 400,
        "max_output_tokens": 100,
        "choices": 1,
        "stream": False,
        "silence_s": None,
        "started_at": clock.monotonic(),
    }
    return Call(**(fields | changes))  # type: ignore[arg-type]
