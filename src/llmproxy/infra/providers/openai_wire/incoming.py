"""A streamed answer on its way in: waiting for its status, reading on, giving up.

What the bytes mean is for the subclasses: server-sent events (`sse.py`) or plain bytes
(`binary.py`).
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from typing_extensions import override

from llmproxy.application.interfaces.upstream import Events, Headers
from llmproxy.domain.errors import Broken, UpstreamError
from llmproxy.domain.frames import forget_frames
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.credentials.credential import Credential, heard
from llmproxy.infra.providers.openai_wire.failures import failure, transport_failure
from llmproxy.infra.providers.openai_wire.headers import load_percent, passing
from llmproxy.infra.providers.transport.client import was_stale
from llmproxy.infra.providers.transport.errors import Cut, TransportError
from llmproxy.infra.providers.transport.exchange import Exchange

Again = Callable[[Exchange], Awaitable[Exchange]]
Sink = Callable[[bytes], bool]
DRAIN_S = 5.0


class Incoming(Events):
    """Reads one exchange; made when the request was sent, before the provider's status is known."""

    def __init__(self, exchange: Exchange, again: Again) -> None:
        """`again` sends the request once more on a fresh connection, after a stale exchange.

        `further` are headers of the gateway's own that go to the caller with the provider's.
        `credential` hears of the status when its token was sent. Of one that is `provisioned` it is
        read how full it is.
        """
        self._exchange = exchange
        self._again: Again | None = again
        self._sink: Sink = _declines
        self._done = False
        self._error: UpstreamError | None = None
        self._ready = False
        self._bytes = 0
        self.headers: Headers = []
        self.further: Sequence[bytes] = ()
        self.credential: Credential | None = None
        self.provisioned = False
        self.usage: Usage | None = None

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

    async def _prepare(self) -> bool:
        """Wait for the status; False after a silent pulse.

        Raises UpstreamError when the provider refused, or reported an error in the stream.
        """
        if self._error is not None:
            raise self._error
        if not await self._answered():
            return False
        exchange = self._exchange
        if exchange.status != 200:
            heard(exchange.status, self.credential)
            raise self.refusal(exchange.status, exchange.headers, await exchange.whole())
        self.headers, content_type = passing(exchange.head)
        self.headers += self.further_of(exchange.head)
        self.headers += self.further
        if self.provisioned:
            self.load_percent = load_percent(exchange.head)
        self._check_kind(content_type)
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
            forget_frames(error)
            again, self._again = self._again, None
            self._exchange = await again(exchange)
            self._exchange.pulse_every(exchange.pulse_s)
            return await self._exchange.answered()

    def refusal(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        """Return the error for an answer with another status than 200."""
        return failure(status, headers, body)

    def further_of(self, _head: bytes) -> Headers:
        """Return further lines for the caller, made of the head of the answer."""
        return []

    @abstractmethod
    def _check_kind(self, content_type: bytes) -> None:
        """Judge the content type. Raises Broken."""

    @abstractmethod
    def _relay(self, data: bytes) -> bytes:
        """Return what of the bytes that have arrived may go on now. Raises UpstreamError."""

    @abstractmethod
    def _speaks(self, batch: bytes) -> bool:
        """Whether these events hold content, as `has_content` says."""

    @abstractmethod
    def _check_end(self) -> None:
        """Judge a body that is over. Raises Broken when it was cut."""

    @override
    def has_content(self, batch: bytes) -> bool:
        speaks = self._speaks(batch)
        if speaks:
            self._exchange.content_began()
        return speaks

    @override
    async def pour(self, sink: Sink) -> None:
        self._exchange.content_began()  # it flows, whatever it is
        if self._flows():
            self._sink = sink
            try:
                await self._exchange.pour(self._forward)
            finally:
                self._sink = _declines  # a sink may hold what holds this

    def _flows(self) -> bool:
        """Whether what arrives may go to the sink at once."""
        return not self._done

    @abstractmethod
    def _forward(self, data: bytes) -> bool:
        """Give to the sink what it may have of these bytes; False leaves them to `next`."""

    @override
    def pulse_every(self, seconds: float) -> None:
        self._exchange.pulse_every(seconds)

    @override
    def close(self) -> None:
        self._exchange.close()


def unexpected_kind(content_type: bytes) -> Broken:
    """Return the error for an answer of another content type than was asked for."""
    kind = content_type.decode("latin-1") or "no content type"
    error = Broken("The provider did not answer with a stream.")
    error.detail = f"content-type: {kind}"
    return error


def _declines(_data: bytes) -> bool:
    return False
