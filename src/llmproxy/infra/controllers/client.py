"""What a request stands on: the connection of its client, and the room that it takes."""

from typing import Protocol

from llmproxy.application.interfaces.presence import Presence


class Client(Presence, Protocol):
    """What the extension offers. `ready` is false while ASGI's `send` would have to wait."""

    request_complete: bool
    disconnected: bool
    body: bytes | bytearray
    """What has arrived of the request body and was not taken."""

    @property
    def ready(self) -> bool:
        """Whether `start` and `push` may be called now."""

    def take(self) -> bytes:
        """Return the whole request body; only once `request_complete`."""

    def start(self, status: int, lines: list[bytes], *, framed: bool) -> None:
        """Begin the answer; `framed` says that content-length is among the lines."""

    def reply(self, status: int, lines: list[bytes], body: bytes) -> None:
        """Send a whole answer; content-length is among the lines."""

    def push(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the answer's body."""

    def offer(self, data: bytes) -> bool:
        """Send a piece of the answer's body if that needs no waiting; return whether it was."""

    def cut(self) -> None:
        """Close the connection in the middle of an answer."""

    def cancel_on_disconnect(self) -> None:
        """Cancel the request's task when the client leaves."""


class Room(Protocol):
    """What a request takes its room from (`crowd.py`)."""

    def grow(self, held: int, wanted: int) -> None:
        """Take room for a body that turns out to be larger. Raises Unavailable."""

    def leave(self, held: int) -> None:
        """Give back the room of a request that held so many bytes."""
