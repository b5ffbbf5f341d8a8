"""What can go wrong between the gateway and a provider's host, before anybody has read an answer.

```
TransportError
  ConnectFailed   no connection: refused, DNS, TLS, proxy, or the limit of connections
  Cut             the connection ended before the answer was complete
  Silent          nothing arrived within the limit (what: first byte, idle, total)
  Unreadable      the gateway lost the body that it was sending
  Garbled         what arrived is not HTTP, or passes a bound
```
"""


class TransportError(Exception):
    """The exchange failed."""


class ConnectFailed(TransportError):
    """No connection could be had; the provider saw nothing of the request."""


class Cut(TransportError):
    """The connection ended early.

    `before_answer` says that not one byte of the answer had arrived.
    """

    def __init__(self, message: str, *, before_answer: bool) -> None:
        super().__init__(message)
        self.before_answer = before_answer


class Silent(TransportError):
    """Nothing arrived in time; `what` is `connect`, `first byte`, `idle` or `total`."""

    def __init__(self, what: str, limit_s: float) -> None:
        super().__init__(f"{what} limit of {limit_s:g} s")
        self.what = what


class Unreadable(TransportError):
    """The gateway cannot read the body that it is to send; the provider is not to blame."""


class Garbled(TransportError):
    """The bytes are not an HTTP/1.1 answer, or pass a bound."""
