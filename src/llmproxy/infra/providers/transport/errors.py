"""What can go wrong between the gateway and a provider's host, before anybody has read an answer.

```
TransportError
  ConnectFailed       no connection: refused, no route, a proxy that does not let through
    Unresolved        the host's name has no address, or nobody could be asked for it
    Untrusted         TLS failed: an expired certificate, one for another host, no TLS at all
  OutOfConnections    the gateway itself has no connection or file descriptor left
  Cut                 the connection ended before the answer was complete
  Silent              nothing that counts arrived within a limit (what: a Wait)
  Unreadable          the gateway lost the body that it was sending
  Garbled             what arrived is not HTTP, or passes a bound
```
"""

from enum import StrEnum


class Wait(StrEnum):
    """What of a provider is waited for."""

    CONNECT = "connect"
    FIRST_TOKEN = "first token"  # noqa: S105 - no password
    BETWEEN_TOKENS = "between tokens"
    TOTAL = "total"


class TransportError(Exception):
    """The exchange failed."""


class ConnectFailed(TransportError):
    """No connection could be had; the provider saw nothing of the request."""


class Unresolved(ConnectFailed):
    """The name of the host leads to no address."""


class Untrusted(ConnectFailed):
    """There is no TLS with this host that can be trusted."""


class OutOfConnections(TransportError):
    """All connections that the gateway may open are in use, or all files that it may."""


class Cut(TransportError):
    """The connection ended early.

    `before_answer` says that not one byte of the answer had arrived.
    """

    def __init__(self, message: str, *, before_answer: bool) -> None:
        super().__init__(message)
        self.before_answer = before_answer


class Silent(TransportError):
    """Nothing that counts arrived in time; `by_client` says whether the limit was the client's."""

    def __init__(
        self, what: Wait, limit_s: float, message: str = "", *, by_client: bool = False
    ) -> None:
        super().__init__(message or f"{what} limit of {limit_s:g} s")
        self.what = what
        self.limit_s = limit_s
        self.by_client = by_client


class Unreadable(TransportError):
    """The gateway cannot read the body that it is to send; the provider is not to blame."""


class Garbled(TransportError):
    """The bytes are not an HTTP/1.1 answer, or pass a bound."""
