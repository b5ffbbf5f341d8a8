"""The client of a call, while it waits for the answer."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol


class Presence(Protocol):
    """Says when it leaves, so that its call can go on for others who wait for the same answer."""

    @property
    @abstractmethod
    def task(self) -> "asyncio.Task[Any] | None":
        """The task that serves the call; who leaves has it cancelled."""

    @abstractmethod
    def detain(self, leaves: Callable[[], bool]) -> None:
        """Have this asked once when the client leaves: the call is cancelled if it says so."""

    @abstractmethod
    def dismiss(self) -> bool:
        """Ask nobody any more; return whether the client still waits."""
