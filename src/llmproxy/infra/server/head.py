"""The head of an answer: status line, headers, and how its body is framed."""

from collections.abc import Sequence
from http import HTTPStatus

from uvicorn.server import ServerState

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode("ascii")
    for status in HTTPStatus
}
NO_BODY = frozenset((204, 304))
_defaults: tuple[list[tuple[bytes, bytes]], list[bytes]] = ([], [])


def default_lines(state: ServerState) -> list[bytes]:
    """Return the header lines that every answer has; uvicorn renews them once a second."""
    global _defaults  # noqa: PLW0603 - one server per process, and every answer asks
    headers = state.default_headers
    if headers is not _defaults[0]:
        _defaults = headers, [b"%b: %b" % header for header in headers]
    return _defaults[1]


def head(status: int, lines: Sequence[bytes], *, chunked: bool, closes: bool) -> bytes:
    """Return the whole head. Raises ValueError when a header holds a line break."""
    parts = [STATUS_LINES[status], *lines]
    if closes:
        parts.append(b"connection: close")
    if chunked:
        parts.append(b"transfer-encoding: chunked")
    parts.append(b"\r\n")
    joined = b"\r\n".join(parts)
    if joined.count(b"\n") != len(parts):
        raise ValueError("a header holds a line break")
    return joined
