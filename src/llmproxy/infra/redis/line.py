"""One connection to Redis: commands go out in bunches, replies come back in their order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import hiredis
from typing_extensions import override

from llmproxy.infra.redis.errors import RedisAway, RedisRefused

Reply = Any
"""What RESP2 knows: bytes, int, None, or a list of these."""
Orphan = Callable[[Reply], None]
"""Takes a reply that nobody waits for any more."""

Argument = bytes | str | int | float
"""A part of a command."""

GRACE_S: Final = 0.003
"""An answer may lie in the socket already when the loop was late: it is read before judging."""
DROP_S: Final = 0.5
MAX_LATE_S: Final = 1.0
"""However busy it is: behind that a command is late."""
LATER_S: Final = 0.005
"""How long a command that nobody waits for is held back for one to go with."""
_MORE: Final = object()
_NO_SCRIPT: Final = "NOSCRIPT"


def packed(command: tuple[Argument, ...]) -> bytes:
    """Return a command as it goes over the wire."""
    wire: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub says one part
    return wire


def wired(arguments: Iterable[Argument]) -> bytes:
    """Return parts of a command as they go over the wire: bulk strings of RESP2.

    For what goes again and again: to join parts that are made once costs next to nothing, while
    `packed` takes about 1,900 instructions for each part.
    """
    found = [each if isinstance(each, bytes) else str(each).encode() for each in arguments]
    return b"".join([b"$%d\r\n%b\r\n" % (len(each), each) for each in found])


class Waiting:
    """A command on its way. `again` is what to send if Redis does not know the script."""

    __slots__ = ("again", "deadline", "future", "orphan")

    def __init__(
        self,
        future: "asyncio.Future[Reply]",
        deadline: float,
        again: Callable[[], bytes] | None,
        orphan: Orphan | None,
    ) -> None:
        self.future = future
        self.deadline = deadline
        self.again = again
        self.orphan = orphan

    def failed(self, error: Exception) -> None:
        """Tell who waits."""
        if not self.future.done():
            self.future.set_exception(error)

    def answered(self, reply: Reply) -> None:
        """Hand the reply over."""
        if self.future.done():
            if self.orphan is not None:
                self.orphan(reply)
        elif isinstance(reply, hiredis.ReplyError):
            self.future.set_exception(RedisRefused(str(reply)))
        else:
            self.future.set_result(reply)


class Line(asyncio.Protocol):
    """Calls `lost` once, when it is of no more use.

    One timer watches all deadlines: it stands at the earliest, and is set anew only when it rings.
    A command is late when its deadline has passed and nothing was heard for `silence_s`: a server
    that answers one after the other is there, though a large bunch of them takes it longer. Then
    the line is `slow`: calls fail, and new ones at once. What Redis answers all the same goes to
    their orphans, and ends it; after `DROP_S` of silence the line is dropped.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[["Line"], None],
        silence_s: float,
    ) -> None:
        self._loop = loop
        self._silence_s = silence_s
        self._heard_at = 0.0
        self.slow = False
        self._lost = lost
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._out: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = False
        self._later: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.waiting: deque[Waiting] = deque()
        self.broken = False
        self.why = ""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.drop("Redis closed the connection" if exc is None else f"the connection broke: {exc}")

    @override
    def data_received(self, data: bytes) -> None:
        reader = self._reader
        self._heard_at = self._loop.time()
        self.slow = False
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _MORE:
                if not self.waiting:
                    self.drop("Redis said something that nobody asked")
                    return
                self._take(self.waiting.popleft(), reply)
        except hiredis.ProtocolError as error:
            self.drop(f"that is not Redis' protocol: {error}")

    def _take(self, one: Waiting, reply: Reply) -> None:
        if (
            one.again is not None
            and isinstance(reply, hiredis.ReplyError)
            and str(reply).startswith(_NO_SCRIPT)
        ):
            again, one.again = one.again, None
            self.send(again(), one)
        else:
            one.answered(reply)

    def send(self, command: bytes, one: Waiting, *, later: bool = False) -> None:
        """Put a command on the wire, together with all others of this turn of the loop.

        At once where none is on its way: then there are few, and another turn costs as much as the
        command. One that may go `later` waits up to `LATER_S` for others.
        """
        out, waiting = self._out, self.waiting
        alone = len(out) == len(waiting)
        out.append(command)
        waiting.append(one)
        if self._timer is None or one.deadline < self._timer.when():
            self._watch(one.deadline)
        if self._leaving:
            return
        if later:
            if self._later is None:
                self._later = self._loop.call_later(LATER_S, self._no_later)
        elif alone:
            self._flush()
        else:
            self._leaving = True
            self._loop.call_soon(self._flush)

    def hurry(self) -> None:
        """Let go what was held back: somebody waits for it now."""
        if self._out and not self._leaving:
            self._flush()

    def _no_later(self) -> None:
        self._later = None
        self.hurry()

    def _flush(self) -> None:
        self._leaving = False
        out, self._out = self._out, []
        if self._transport is not None and not self.broken and out:
            self._transport.write(b"".join(out))

    def _watch(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self.waiting:
            return
        earliest = min(self.waiting, key=_deadline)
        due = self._due(earliest)
        if due > self._loop.time():
            self._watch(due)
        else:
            self._timer = self._loop.call_later(GRACE_S, self._judge, earliest)

    def _judge(self, late: Waiting) -> None:
        self._timer = None
        now = self._loop.time()
        if late in self.waiting and self._due(late) <= now:
            if self.slow:
                self.drop("Redis did not answer in time")
                return
            self._grow_slow(now)
        if self.waiting:
            self._watch(self._due(min(self.waiting, key=_deadline)))

    def _grow_slow(self, now: float) -> None:
        """Let those who wait go on without an answer; it may still come."""
        self.slow = True
        for one in self.waiting:
            if one.deadline <= now + self._silence_s:
                one.failed(RedisAway("Redis did not answer in time"))
                one.deadline = now + DROP_S

    def _due(self, one: Waiting) -> float:
        """Return when it is late."""
        return max(one.deadline, min(self._heard_at + self._silence_s, one.deadline + MAX_LATE_S))

    def drop(self, why: str) -> None:
        """Close without a word; all that waits fails."""
        if self.broken:
            return
        self.broken = True
        self.why = why
        for timer in (self._timer, self._later):
            if timer is not None:
                timer.cancel()
        if self._transport is not None:
            # Not within `data_received`: see infra/providers/transport/connection.py.
            self._loop.call_soon(self._transport.abort)
        self._lost(self)
        waiting, self.waiting = self.waiting, deque()
        for one in waiting:
            one.failed(RedisAway(why))


def _deadline(one: Waiting) -> float:
    return one.deadline
