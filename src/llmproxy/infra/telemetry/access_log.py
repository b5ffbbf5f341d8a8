"""One line per request, collected in memory and written a few times a second.

Lines are made of many requests in a row, after their answers: what makes them then stays in the
processor's caches. Between two requests each line took several times as long.
"""

import asyncio
import logging
import time
from abc import abstractmethod
from typing import Final, Protocol

from llmproxy.infra.telemetry.access_line import Request
from llmproxy.infra.telemetry.pen import LAST_S, File, Pen

logger = logging.getLogger("llmproxy")

FLUSH_EVERY_S: Final = 0.25
MAX_BUFFERED_LINES: Final = 10_000
TOGETHER: Final = 64
"""So many requests wait for their lines at most: until then each holds on to what was asked."""
HEAVY_BYTES: Final = 16 * 1024
"""One that holds more gets its line at once, and those before it with it."""


class Lines(Protocol):
    """A form of lines: `JsonLines` or `TextLines`. They end with a line feed."""

    @abstractmethod
    def line(self, visit: Request, duration_s: float, at: float) -> bytes:
        """Return the line of a request that ended at this time, in unix seconds."""

    @abstractmethod
    def notice(self, text: str) -> bytes:
        """Return a line about the lines."""


class BufferedAccessLog:
    """Collects lines and lets a thread write them; the event loop never waits for who reads them.

    At most 10,000 lines wait; what does not fit is counted, and the log says so.
    """

    def __init__(self, out: File, lines: Lines) -> None:
        self._line = lines.line
        self._notice = lines.notice
        self._pen = Pen(out)
        self._ended: list[tuple[Request, float, float]] = []
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._unsaid = 0
        self._dropped = 0

    def write(self, visit: Request, duration_s: float) -> None:
        """Note that this request has ended."""
        ended = self._ended
        ended.append((visit, duration_s, time.time()))  # noqa: TID251 - the line's own stamp
        if len(ended) >= TOGETHER or visit.kept_bytes > HEAVY_BYTES:
            self._note()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY_S, self.flush)

    def _note(self) -> None:
        """Make the lines of all that have ended."""
        ended, self._ended = self._ended, []
        lines = self._lines
        room = max(MAX_BUFFERED_LINES - len(lines), 0)
        self._drop(len(ended) - room)
        for visit, duration_s, at in ended[:room]:
            try:
                lines.append(self._line(visit, duration_s, at))
            except Exception:  # the lines of others must not be lost with it
                logger.exception("%s has no access line", visit.request_id)
                self._drop(1)

    def _drop(self, lines: int) -> None:
        if lines > 0:
            self._dropped += lines
            self._unsaid += lines

    def flush(self) -> None:
        """Hand over what has been collected; while the last batch is being written, later."""
        self._timer = None
        self._note()
        if not self._pen.idle:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY_S, self.flush)
            return
        lines, self._lines = self._lines, []
        if self._unsaid:
            lines.append(self._notice(f"{self._unsaid} access lines were dropped"))
            self._unsaid = 0
        if lines:
            self._pen.write(lines)

    async def close(self) -> None:
        """Write what is left, for two seconds at most, whatever stops its reader."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if await asyncio.to_thread(self._pen.wait, LAST_S):
            self.flush()
            await asyncio.to_thread(self._pen.wait, LAST_S)

    def counts(self) -> dict[str, float]:
        """Return how many lines were dropped since the start, unwritten ones among them."""
        return {"lines_dropped_total": self._dropped + self._pen.lost}


class SilentAccessLog:
    """Writes nothing."""

    def write(self, visit: Request, duration_s: float) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def counts(self) -> dict[str, float]:
        """Return how many lines were dropped: none."""
        return {"lines_dropped_total": 0}
