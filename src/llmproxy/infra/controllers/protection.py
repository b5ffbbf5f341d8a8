"""Headers with which answers of the control plane protect those who look at them in a browser.

Answers of the data plane are for programs and stay as they are: each byte there is paid for by
every call.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from llmproxy.infra.controllers.asgi import Pair

ALWAYS: Final[Sequence[Pair]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
OVER_TLS: Final[Pair] = (b"strict-transport-security", b"max-age=31536000")
"""Only where the gateway itself ends TLS (RFC 6797 §7.2): of a proxy before it nothing is known."""
NOT_KEPT: Final[Pair] = (b"cache-control", b"no-store")
"""Administration shows new keys once, and documents: no cache keeps them (RFC 9111 §5.2.2.5)."""


ADMIN: Final = "/admin"


def is_administration(path: str) -> bool:
    """Whether a path is one of administration."""
    return path == ADMIN or path.startswith(f"{ADMIN}/")


def protected(headers: Iterable[Pair], scope: Mapping[str, Any]) -> list[Pair]:
    """Return an answer's headers with those that protect, where it does not say them itself."""
    found = list(headers)
    said = {name for name, _ in found}
    wanted = [*ALWAYS]
    if scope.get("scheme") == "https":
        wanted.append(OVER_TLS)
    if is_administration(scope["path"]):
        wanted.append(NOT_KEPT)
    return found + [header for header in wanted if header[0] not in said]
