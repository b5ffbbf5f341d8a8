"""What Cosmos DB is asked, and what it charges for that: counted at the socket, retries too."""

from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

from azure.core.pipeline.transport import (
    AioHttpTransport,
    AsyncHttpResponse,
    AsyncHttpTransport,
    HttpRequest,
)
from typing_extensions import override

Transport = AsyncHttpTransport[HttpRequest, AsyncHttpResponse]

_CHARGE: Final = "x-ms-request-charge"


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    requests: int = 0
    """Sent, each retry of the SDK as one."""
    request_units: float = 0.0
    """As the service says in `x-ms-request-charge`."""
    throttled: int = 0
    """Answered with 429."""
    failures: int = 0
    """Answered with 500 or more, or not at all."""


class CountingTransport(Transport):
    """Sends through another transport, by default aiohttp's, and counts what comes back.

    Not through the SDK's `response_hook`, which is called for the last try of a call only.
    """

    def __init__(self, inner: Transport | None = None) -> None:
        self._inner: Transport = inner or AioHttpTransport()
        self._counts = Counts()

    def counts(self) -> Counts:
        """Return a copy of what was counted."""
        return replace(self._counts)

    @override
    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        self._counts.requests += 1
        try:
            response = await self._inner.send(request, **config)
        except BaseException:
            self._counts.failures += 1
            raise
        self._counts.throttled += response.status_code == 429
        self._counts.failures += response.status_code >= 500
        self._counts.request_units += _charge(response.headers.get(_CHARGE))
        return response

    @override
    async def open(self) -> None:
        await self._inner.open()

    @override
    async def close(self) -> None:
        await self._inner.close()

    @override
    async def __aenter__(self) -> Self:
        await self._inner.open()
        return self

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.close()


def _charge(written: str | None) -> float:
    try:
        return max(0.0, float(written or 0))
    except ValueError:
        return 0.0
