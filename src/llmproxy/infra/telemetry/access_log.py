"""One line per request, collected in memory and written a few times a second."""

import asyncio
import time
from functools import lru_cache
from typing import Any, Protocol, TextIO

FLUSH_EVERY_S = 0.25
MAX_BUFFERED_LINES = 10_000
MAX_CHARS = 200


class Request(Protocol):
    """What a line says of a request.

    The path is logged without its query, which may hold anything.
    """

    scope: Any
    request_id: str
    status: int
    subject: str


class BufferedAccessLog:
    """Writes lines such as `2026-11-23T20:00:00Z 200 POST /v1/chat/completions echo 3.2ms req_0f…`.

    At most 10,000 lines wait for the next flush; what does not fit is counted in `dropped`, and the
    log says so.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0
        self._stamp = ""
        self.dropped = 0

    def write(self, visit: Request, duration_s: float) -> None:
        """Note that this request has ended."""
        if len(self._lines) >= MAX_BUFFERED_LINES:
            self.dropped += 1
            return
        scope = visit.scope
        now = int(time.time())  # noqa: TID251 - the line's own stamp
        if now != self._second:
            self._second = now
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        path, subject = _path(scope["path"][:MAX_CHARS]), _word(visit.subject[:MAX_CHARS])
        self._lines.append(
            f"{self._stamp} {visit.status} {scope['method']} {path} {subject}"
            f" {duration_s * 1000:.1f}ms {visit.request_id}\n"
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY_S, self.flush)

    def flush(self) -> None:
        """Write what has been collected."""
        self._timer = None
        lines, self._lines = self._lines, []
        if self.dropped:
            lines.append(f"{self._stamp} {self.dropped} access lines were dropped\n")
            self.dropped = 0
        self._out.write("".join(lines))
        self._out.flush()


class SilentAccessLog:
    """Writes nothing."""

    def write(self, visit: Request, duration_s: float) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


@lru_cache(maxsize=256)
def _path(path: str) -> str:
    return path if path.isprintable() else ascii(path)


@lru_cache(maxsize=256)
def _word(text: str) -> str:
    """Return caller-given text as one short word that cannot forge a line."""
    return (text if text.isprintable() and " " not in text else ascii(text))[:100] or "-"
