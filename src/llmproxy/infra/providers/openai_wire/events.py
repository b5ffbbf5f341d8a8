"""A streamed answer on OpenAI's wire: its bytes pass, whole events at a time.

What this takes out of the stream: the final usage event when the gateway asked for it and the
caller did not, and the closing `data: [DONE]`, which the client's side writes itself. Everything
else passes untouched.
"""

from collections.abc import Awaitable, Callable

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.upstream import Events, Headers
from llmproxy.domain.errors import Broken, UpstreamError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.failures import failure, stream_failure, transport_failure
from llmproxy.infra.providers.openai_wire.headers import passing
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from
from llmproxy.infra.providers.transport.client import was_stale
from llmproxy.infra.providers.transport.errors import Cut, TransportError
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.wire.unreadable import UNREADABLE

Again = Callable[[], Awaitable[Exchange]]
DRAIN_S = 5.0
TOKEN_BYTES = 4
"""The same rule of thumb by which `steps/settle.py` turns bytes into tokens."""
MAX_EVENT_BYTES = 16 * 1024 * 1024
FINISH = (b'"finish_reason":"', b'"finish_reason": "')
USAGE = (b'"usage":{', b'"usage": {')


class _Choice(msgspec.Struct):
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: WireUsage | None = None


_chunk = msgspec.json.Decoder(_Chunk)
_EMPTY = (b"null", b'""', b"[]")


class OpenAIEvents(Events):
    """Reads one exchange; made when the request was sent, before the provider's status is known."""

    def __init__(self, exchange: Exchange, again: Again, *, hide_usage: bool) -> None:
        """`again` sends the request once more on a fresh connection."""
        self._exchange = exchange
        self._again: Again | None = again
        self._sink: Callable[[bytes], bool] = _declines
        self._hide_usage = hide_usage
        self._tail = b""
        self._done = False
        self._finish_seen = False
        self._error: UpstreamError | None = None
        self._ready = False
        self._separator = b"\n\n"
        self.headers: Headers = []
        self.usage: Usage | None = None
        self._bytes = 0
        self._events = 0
        self._empty_event_bytes = 0

    @override
    async def next(self) -> bytes | None:
        try:
            if not self._ready and not await self._prepare():
                return b""
            exchange = self._exchange
            while not self._done:
                data = await exchange.next()
                if data is None:
                    self._check_end()
                    return None
                if not data:
                    return b""
                batch = self._relay(data)
                if batch:
                    return batch
        except TransportError as error:
            raise transport_failure(error) from error
        except UpstreamError:
            self._exchange.close()
            raise
        exchange.drain(DRAIN_S)
        return None

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        if not self._done and not self._tail:
            self._sink = sink
            await self._exchange.pour(self._forward)

    def _forward(self, data: bytes) -> bool:
        """Pass on what needs no second look; the rest is left to `next`."""
        if not data.endswith(self._separator) or _is_special(data) or not self._sink(data):
            return False
        self._bytes += len(data)
        self._events += data.count(self._separator)
        if not self._finish_seen:
            self._finish_seen = FINISH[0] in data or FINISH[1] in data
        return True

    async def _prepare(self) -> bool:
        """Wait for the status; False after a silent pulse.

        Raises UpstreamError when the provider refused, or reported an error in the stream.
        """
        if self._error is not None:
            raise self._error
        if not await self._answered():
            return False
        exchange = self._exchange
        headers = exchange.headers
        if exchange.status != 200:
            raise failure(exchange.status, headers, await exchange.whole())
        self.headers, content_type = passing(headers)
        if not content_type.startswith(b"text/event-stream"):
            kind = content_type.decode("latin-1") or "no content type"
            error = Broken("The provider did not answer with a stream.")
            error.detail = f"content-type: {kind}"
            raise error
        self._ready = True
        self._again = None
        return True

    async def _answered(self) -> bool:
        exchange = self._exchange
        try:
            return await exchange.answered()
        except Cut as error:
            if self._again is None or not was_stale(exchange, error):
                raise
            again, self._again = self._again, None
            self._exchange = await again()
            self._exchange.pulse_every(exchange.pulse_s)
            return await self._exchange.answered()

    def _relay(self, data: bytes) -> bytes:
        """Return the whole events of what has arrived; keep the rest for the next call."""
        if self._tail:
            data = self._tail + data
        if not data.endswith(self._separator):
            cut = self._cut(data)
            data, self._tail = data[:cut], data[cut:]
            if len(self._tail) > MAX_EVENT_BYTES:
                raise Broken(f"The provider sent an event of more than {MAX_EVENT_BYTES} bytes.")
            if not data:
                return b""
        else:
            self._tail = b""
        if not self._empty_event_bytes:
            self._empty_event_bytes = data.find(self._separator) + len(self._separator)
        self._bytes += len(data)
        self._events += data.count(self._separator)
        if not self._finish_seen:
            self._finish_seen = FINISH[0] in data or FINISH[1] in data
        if _is_special(data):
            return self._sift(data)
        return data

    def _cut(self, data: bytes) -> int:
        cut = data.rfind(self._separator)
        if cut < 0 and b"\r\n\r\n" in data:
            self._separator = b"\r\n\r\n"
            cut = data.rfind(self._separator)
        return 0 if cut < 0 else cut + len(self._separator)

    def _sift(self, data: bytes) -> bytes:
        """Look at each event: take usage, stop at the end or at the provider's error.

        What came before an error is returned first; the next call of `next` raises it.
        """
        kept: list[bytes] = []
        for event in data.split(self._separator)[:-1]:
            content = _data_of(event)
            if content == b"[DONE]":
                self._done = True
                break
            if b"error" in event and _reports_error(event, content):
                self._error = stream_failure(content)
                self._ready = False
                break
            if not self._takes(content):
                kept += (event, self._separator)
        if self._error is not None and not kept:
            raise self._error
        return b"".join(kept)

    def _takes(self, content: bytes) -> bool:
        """Whether the event is for the gateway only."""
        if b'"usage"' not in content:
            return False
        chunk = _read(content)
        if chunk is None or chunk.usage is None:
            return False
        self.usage = usage_from(chunk.usage)
        return self._hide_usage and not chunk.choices

    def _check_end(self) -> None:
        """Judge a body that is over without [DONE].

        Complete only if the provider had said that it finished.
        """
        if not self._finish_seen:
            raise Broken("The provider ended its answer early.")
        self._done = True

    @property
    @override
    def output_bytes(self) -> int:
        """What the events hold beyond the first, which says only a role; at least a token each."""
        beyond = self._bytes - self._events * self._empty_event_bytes
        return max(beyond, self._events * TOKEN_BYTES)

    @override
    def has_content(self, batch: bytes) -> bool:
        for event in batch.split(self._separator):
            content = _data_of(event)
            if not content:
                continue
            chunk = _read(content)
            if chunk is None or any(_speaks(choice) for choice in chunk.choices):
                return True
        return False

    @override
    def pulse_every(self, seconds: float) -> None:
        self._exchange.pulse_every(seconds)

    @override
    def close(self) -> None:
        self._exchange.close()


def _declines(_data: bytes) -> bool:
    return False


def _is_special(data: bytes) -> bool:
    """Whether these events hold anything that is not simply passed on."""
    return b"[DONE]" in data or b"error" in data or USAGE[0] in data or USAGE[1] in data


def _reports_error(event: bytes, content: bytes) -> bool:
    """Whether this is a provider's error event, however it is wrapped; the word alone is none."""
    if event.startswith((b"event: error", b"event:error")):
        return True
    if b'"error"' not in content:
        return False
    try:
        value = msgspec.json.decode(content)
    except UNREADABLE:
        return content.startswith(b'{"error"')
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict) and bool(value.get("error"))


def _data_of(event: bytes) -> bytes:
    """Return the `data` of one event; several data lines are joined as the standard says."""
    if event.startswith(b"data:") and b"\n" not in event:
        return event[5:].strip()
    lines = (line.strip(b"\r") for line in event.split(b"\n"))
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


def _read(content: bytes) -> _Chunk | None:
    try:
        return _chunk.decode(content)
    except UNREADABLE:
        return None


def _speaks(choice: _Choice) -> bool:
    if choice.finish_reason:
        return True
    delta = choice.delta or {}
    return any(name != "role" and bytes(value) not in _EMPTY for name, value in delta.items())
