"""Events that are made here: there is no connection that they could come from."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.upstream import Events, Headers
from llmproxy.domain.usage import Usage

_encode = msgspec.json.Encoder().encode


class EchoEvents(Events):
    """Hands out one event after another."""

    def __init__(self, events: Iterator[bytes], usage: Usage) -> None:
        self._events = events
        self.headers: Headers = []
        self.usage: Usage | None = usage

    @override
    async def next(self) -> bytes | None:
        # Lets the event before reach the client: a transport only knows that it is full when its
        # loop turns, and others are to be served meanwhile.
        await asyncio.sleep(0)
        return next(self._events, None)

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Leave all to `next`: there is no connection to pour from."""

    @property
    @override
    def output_bytes(self) -> int:
        return 0

    @property
    @override
    def passed(self) -> int:
        return 0

    @override
    def has_content(self, batch: bytes) -> bool:
        return True

    @override
    def pulse_every(self, seconds: float) -> None:
        """Never silent: nothing to do."""

    @override
    def close(self) -> None:
        self._events = iter(())


def event(value: object) -> bytes:
    """Return one event that says this."""
    return b"data: " + _encode(value) + b"\n\n"
