"""One line per request, collected in memory and written a few times a second."""

import asyncio
from abc import abstractmethod
from typing import Protocol

from llmproxy.infra.telemetry.access_line import Request
from llmproxy.infra.telemetry.pen import LAST_S, File, Pen

FLUSH_EVERY_S = 0.25
MAX_BUFFERED_LINES = 10_000


class Lines(Protocol):
    """A form of lines: `JsonLines` or `TextLines`. They end with a line feed."""

    @abstractmethod
    def line(self, visit: Request, duration_s: float) -> bytes:
        """Return the line of a request that has ended."""

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
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._unsaid = 0
        self._dropped = 0

    def write(self, visit: Request, duration_s: float) -> None:
        """Note that this request has ended."""
        lines = self._lines
        if len(lines) >= MAX_BUFFERED_LINES:
            self._dropped += 1
            self._unsaid += 1
            return
        lines.append(self._line(visit, duration_s))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY_S, self.flush)

    def flush(self) -> None:
        """Hand over what has been collected; while the last batch is being written, later."""
        self._timer = None
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
