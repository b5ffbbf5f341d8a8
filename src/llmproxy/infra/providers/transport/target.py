"""Where a request goes: parsed once when a model is registered, used by every request."""

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from llmproxy.domain.timeouts import Timeouts
from llmproxy.infra.providers.transport.errors import Wait

NEVER = float("inf")


class Patience(NamedTuple):
    """How long each wait may last, in seconds. `total_s` None means without end.

    `of_client` names those limits that are the client's own, shorter than the deployment's.
    """

    connect_s: float
    first_token_s: float
    between_tokens_s: float
    total_s: float | None
    of_client: frozenset[Wait] = frozenset()

    def stated(self, timeouts: Timeouts) -> "Patience":
        """Return this with the limits that a document states in the place of these."""
        return Patience(
            self.connect_s if timeouts.connect_s is None else timeouts.connect_s,
            self.first_token_s if timeouts.first_token_s is None else timeouts.first_token_s,
            self.between_tokens_s
            if timeouts.between_tokens_s is None
            else timeouts.between_tokens_s,
            self.total_s if timeouts.total_s is None else timeouts.total_s,
        )

    @property
    def limits(self) -> dict[Wait, float]:
        """All four, in seconds."""
        return {
            Wait.CONNECT: self.connect_s,
            Wait.FIRST_TOKEN: self.first_token_s,
            Wait.BETWEEN_TOKENS: self.between_tokens_s,
            Wait.TOTAL: NEVER if self.total_s is None else self.total_s,
        }

    def dial_s(self, spent_s: float = 0.0) -> tuple[float, Wait]:
        """Return how long connecting may take, `spent_s` after the request, and which limit it is.

        Connecting counts towards the first token and the total, and begins anew at a retry.
        """
        limits = self.limits
        left = {
            Wait.CONNECT: self.connect_s,
            Wait.FIRST_TOKEN: self.first_token_s - spent_s,
            Wait.TOTAL: limits[Wait.TOTAL] - spent_s,
        }
        first = min(left, key=left.__getitem__)
        return left[first], first

    def within(self, limit_s: float, *, whole: bool) -> "Patience":
        """Return this with no silence longer than the limit, nor the `whole` when that counts."""
        own = self.limits
        if not whole:
            del own[Wait.TOTAL]
        return Patience(
            min(self.connect_s, limit_s),
            min(self.first_token_s, limit_s),
            min(self.between_tokens_s, limit_s),
            min(own[Wait.TOTAL], limit_s) if whole else self.total_s,
            frozenset(wait for wait, seconds in own.items() if limit_s < seconds),
        )


class Origin(NamedTuple):
    """A host that connections are pooled for."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The `host[:port]` of a Host header; the port is left out when it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"
        )


@dataclass(frozen=True, slots=True)
class Target:
    """One URL with its fixed headers, ready to be put on the wire.

    `head` is the request line and all headers but `content-length`; each line ends in CRLF. It may
    hold a key and is not shown.
    """

    origin: Origin
    head: bytes = field(repr=False)

    def carrying(self, line: bytes) -> "Target":
        """Return this with one more header line, which ends in CRLF."""
        return Target(self.origin, self.head + line)


def target(
    url: str, headers: dict[str, str], *, method: str = "POST", through_proxy: bool = False
) -> Target:
    """Return the target of a request to `url`.

    Header values must be latin-1 without line breaks (ValueError).
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) URL: {url!r}")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    origin = Origin(parts.scheme, parts.hostname, port)
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    if not all("!" <= character <= "~" for character in path):
        raise ValueError("a URL holds a space or a character that is not ASCII: escape it")
    if through_proxy and origin.scheme == "http":
        path = f"http://{origin.authority}{path}"
    lines = [f"{method} {path} HTTP/1.1", f"host: {origin.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("a header or URL holds a line break")
    return Target(origin, ("\r\n".join(lines) + "\r\n").encode("latin-1"))
