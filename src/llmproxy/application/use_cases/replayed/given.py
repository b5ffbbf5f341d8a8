"""Answers that are given without asking a provider for them."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.upstream import Deployment, Headers, Reply
from llmproxy.domain.limit import Quota

OF_ONE_CALL: Final = (
    b"x-ratelimit-",
    b"openai-processing-ms:",
    b"x-llmproxy-upstream-request-id:",
    b"x-llmproxy-cache-status:",
    b"x-llmproxy-idempotent-replay:",
    b"age:",
)
"""What is true of one call alone, or of the provider's account at that moment."""


class Given(NamedTuple):
    """An answer in one piece; `kept` says that nobody was asked for it."""

    reply: Reply
    deployment: Deployment
    cost_nano: int
    waited_s: float
    quota: Quota | None
    kept: bool = False


def lasting(lines: Sequence[bytes]) -> list[bytes]:
    """Return the header lines that stay true when the answer is given again."""
    return [line for line in lines if not line.lower().startswith(OF_ONE_CALL)]


def marked(whole: Whole, lines: Sequence[bytes]) -> Whole:
    """Return an answer with further header lines."""
    if not lines:
        return whole
    reply = whole.reply
    said = Reply([*reply.headers, *lines], reply.body, reply.usage)
    return Given(said, whole.deployment, whole.cost_nano, whole.waited_s, whole.quota)


class GivenLive(Live):
    """A kept stream: all its events at once."""

    def __init__(
        self, headers: Headers, body: bytes, deployment: Deployment, quota: Quota | None
    ) -> None:
        self._headers = headers
        self._body: bytes | None = body
        self._deployment = deployment
        self._quota = quota

    @property
    def headers(self) -> Headers:
        """Those that were kept, and what is said of keeping."""
        return self._headers

    @property
    def deployment(self) -> Deployment:
        """Who answered."""
        return self._deployment

    @property
    def quota(self) -> Quota | None:
        """What is left."""
        return self._quota

    @property
    def waited_s(self) -> float:
        """Nobody is waited for."""
        return 0.0

    @property
    def passed(self) -> int:
        """Of no use: nothing can fail any more."""
        return 0

    def pulse_every(self, seconds: float) -> None:
        """Nothing here is ever silent."""

    async def next(self) -> bytes | None:
        """Return all, then None."""
        body, self._body = self._body, None
        return body or None

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Everything comes from `next`."""

    def close(self) -> None:
        """Let go of the answer."""
        self._body = None


class MarkedLive(Live):
    """A stream with further header lines."""

    def __init__(self, live: Live, lines: Sequence[bytes]) -> None:
        self._live = live
        self._lines = lines

    @property
    def headers(self) -> Headers:
        """Those of the stream, and the further ones."""
        return [*self._live.headers, *self._lines]

    @property
    def deployment(self) -> Deployment | None:
        """Who is answering."""
        return self._live.deployment

    @property
    def quota(self) -> Quota | None:
        """What is left."""
        return self._live.quota

    @property
    def waited_s(self) -> float:
        """How long others have been waited for."""
        return self._live.waited_s

    @property
    def passed(self) -> int:
        """The number of the next event."""
        return self._live.passed

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long."""
        self._live.pulse_every(seconds)

    async def next(self) -> bytes | None:
        """Return what the stream returns."""
        return await self._live.next()

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Pour the stream."""
        await self._live.pour(sink)

    def close(self) -> None:
        """Close the stream."""
        self._live.close()
