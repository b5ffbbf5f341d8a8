"""An answer on its way to the client, whoever gives it: a provider, or one that was kept."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from llmproxy.application.interfaces.upstream import Deployment, Headers, Reply
from llmproxy.domain.limit import Quota


class Whole(Protocol):
    """An answer in one piece, settled; `waited_s` is how long others were waited for."""

    @property
    @abstractmethod
    def reply(self) -> Reply:
        """What was said."""

    @property
    @abstractmethod
    def deployment(self) -> Deployment:
        """Who said it."""

    @property
    @abstractmethod
    def cost_nano(self) -> int:
        """What this call cost, in nano-units."""

    @property
    @abstractmethod
    def waited_s(self) -> float:
        """How long others were waited for."""

    @property
    @abstractmethod
    def quota(self) -> Quota | None:
        """What the limits of this gateway leave, None where none applies."""


class Live(Protocol):
    """A streamed answer: read with `next` until None or an error; `close` in any case."""

    @property
    @abstractmethod
    def headers(self) -> Headers:
        """Header lines for the client; complete once `next` has returned events."""

    @property
    @abstractmethod
    def deployment(self) -> Deployment | None:
        """Who is answering."""

    @property
    @abstractmethod
    def quota(self) -> Quota | None:
        """What the limits of this gateway leave, None where none applies."""

    @property
    @abstractmethod
    def waited_s(self) -> float:
        """How long others have been waited for until now."""

    @property
    @abstractmethod
    def passed(self) -> int:
        """How many events have gone on: the sequence number of the next one."""

    @abstractmethod
    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""

    @abstractmethod
    async def next(self) -> bytes | None:
        """Return whole events, b"" after a silence, None at the end. Raises GatewayError."""

    @abstractmethod
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand whole events to `sink` as they arrive, until `next` must be asked."""

    @abstractmethod
    def close(self) -> None:
        """Nobody reads any more."""
