"""The client of a call that a test lets leave."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.presence import Presence

Answer = TypeVar("Answer")


class FakePresence(Presence):
    """Cancels its task when it leaves, unless who detains it says no: as a connection does."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._leaves: Callable[[], bool] | None = None
        self.gone = False

    def serve(self, answering: Coroutine[Any, Any, Answer]) -> "asyncio.Task[Answer]":
        """Answer in a task, which is the one of this client."""
        task = asyncio.create_task(answering)
        self._task = task
        return task

    def leave(self) -> None:
        """Go away, as somebody who hangs up."""
        self.gone = True
        if self._task is not None and (self._leaves is None or self._leaves()):
            self._task.cancel()

    @property
    @override
    def task(self) -> "asyncio.Task[Any] | None":
        return self._task

    @property
    def detained(self) -> bool:
        """Whether anybody is to be asked."""
        return self._leaves is not None

    @override
    def detain(self, leaves: Callable[[], bool]) -> None:
        self._leaves = leaves

    @override
    def dismiss(self) -> bool:
        self._leaves = None
        return not self.gone
