"""One end of a conversation in frames, as a WebSocket has them (RFC 6455 §5)."""

from abc import abstractmethod
from typing import Final, NamedTuple, Protocol

TEXT: Final = 1
CONTINUATION: Final = 0

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
NO_CODE: Final = 1005
"""Stands for a close frame without a code; it is never sent itself."""
VANISHED: Final = 1006
"""Stands for a connection that ended without a close frame; it is never sent itself."""
POLICY: Final = 1008
FAILED: Final = 1011
RESTART: Final = 1012
LATER: Final = 1013


class Frame(NamedTuple):
    """A data frame: `opcode` is text, binary or continuation; `final` ends a message."""

    opcode: int
    data: bytes
    final: bool = True


class Ending(NamedTuple):
    """How a talk ended. `by_peer` is false when this side closed first, or gave the peer up."""

    code: int
    reason: str
    by_peer: bool


class Talk(Protocol):
    """One end. Pings are answered below it; what it buffers is bounded."""

    @abstractmethod
    async def receive(self) -> Frame | None:
        """Return the next frame, None once the talk has ended and all was returned."""

    @abstractmethod
    async def broken(self) -> None:
        """Wait until it has ended by anything but the peer's close frame."""

    @abstractmethod
    async def send(self, frame: Frame) -> None:
        """Send a frame; waits while the peer does not keep up. Does nothing after the end."""

    @abstractmethod
    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake, behind what was sent; does nothing after the end."""

    @property
    @abstractmethod
    def ending(self) -> Ending | None:
        """How it ended, None while it has not."""
