"""Calls that ask the gate before bodies for room, without a server around them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llmproxy.domain.caller import ANYONE, Caller
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.controllers.crowd import RETRY_S, Bounds, Crowd
from llmproxy.infra.controllers.visit import Visit

MIB = 1024 * 1024
LONG_S = 30.0


def visit() -> Visit:
    """A request, as far as the crowd looks at it."""

    async def nothing(*_: Any) -> Any:  # noqa: ANN401
        raise AssertionError("nobody reads or answers here")

    return Visit({"headers": []}, nothing, nothing)


def of(project: str | None, key: str = "key") -> Caller:
    """A caller."""
    return replace(ANYONE, key_id=key, project=project, anonymous=False)


def crowd(
    requests: int = 2,
    *,
    body_bytes: int = 64 * MIB,
    queued: int = 10,
    timeout_s: float = LONG_S,
    weight_of: Callable[[str], float] = lambda _: 1.0,
) -> Crowd:
    """Room for so many."""
    return Crowd(Bounds(requests, body_bytes, queued, timeout_s), weight_of)


async def settled() -> None:
    """Everything that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


class Calls:
    """Calls that ask for room, each in a task of its own."""

    def __init__(self, room: Crowd) -> None:
        self.room = room
        self.order: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.inside: dict[str, Visit] = {}

    async def come(
        self, name: str, project: str | None = "p", size: int = 0, key: str = "k"
    ) -> None:
        """One more asks for room."""
        self.tasks[name] = asyncio.create_task(self._run(name, of(project, key), size))
        await settled()

    async def _run(self, name: str, caller: Caller, size: int) -> None:
        one = visit()
        await self.room.admit(one, caller, size)
        self.order.append(name)
        self.inside[name] = one

    async def end(self, *names: str) -> None:
        """These have ended."""
        for name in names:
            self.room.leave(self.inside.pop(name).held_bytes)
            await settled()

    async def end_all(self) -> None:
        """All end, until nobody is left."""
        while self.inside:
            await self.end(next(iter(self.inside)))

    def refused(self, name: str) -> bool:
        """Whether this one was; it must be one or the other."""
        task = self.tasks[name]
        if not task.done():
            return False
        error = task.exception()
        if error is None:
            return False
        assert isinstance(error, Unavailable)
        assert error.code == "overloaded"
        assert error.retry_after_s is not None
        assert RETRY_S[0] <= error.retry_after_s <= RETRY_S[1]
        return True

    def nothing_is_left(self) -> None:
        """All room is given back."""
        figures = self.room.figures()
        assert (figures["running"], figures["queued"], figures["body_bytes"]) == (0, 0, 0)
        assert self.room._large_bytes == 0
