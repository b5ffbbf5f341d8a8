"""The request that a provider would get, put into words instead of sent."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call


class Rendered(NamedTuple):
    """One upstream request. Secrets in `headers` and `url` are masked as `*****`.

    `body` is what would be sent, byte for byte; None for a form or frames. `changed` names fields
    of the caller's request that the provider gets with another value, `dropped` those that it does
    not get. `further` are bodies of more requests to the same place.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    changed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    further: tuple[bytes, ...] = ()


class Rendering(Protocol):
    """Offered by every adapter that answers requests over HTTP."""

    @abstractmethod
    async def render(self, call: Call) -> Rendered | None:
        """Return the request without calling anyone, a token endpoint neither.

        None where nothing is sent, since the gateway answers by itself.

        Raises the CallerError with which the adapter would refuse the call.
        """
