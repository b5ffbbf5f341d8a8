"""Ends of a conversation that say what a test has put into them."""

import asyncio

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.talk import Ending, Frame, Talk
from llmproxy.application.interfaces.upstream import Conversation, Conversing, Reading


class FakeTalk(Talk):
    """`say` and `leave` are the peer's doing; `sent` and `closed` are what it was told."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.sent: list[Frame] = []
        self.closed: tuple[int, str] | None = None
        self.end: Ending | None = None
        self.break_off = asyncio.Event()

    def say(self, data: bytes) -> None:
        """Let the peer send a text."""
        self.arrived.put_nowait(Frame(1, data))

    def leave(self, code: int, reason: str = "", *, by_peer: bool = True) -> None:
        """Let the talk end."""
        self.end = Ending(code, reason, by_peer)
        if not by_peer:
            self.break_off.set()
        self.arrived.put_nowait(None)

    @override
    async def receive(self) -> Frame | None:
        return await self.arrived.get()

    @override
    async def broken(self) -> None:
        await self.break_off.wait()

    @override
    async def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    @override
    def close(self, code: int, reason: str = "") -> None:
        if self.closed is None and self.end is None:
            self.closed = (code, reason)

    @property
    @override
    def ending(self) -> Ending | None:
        return self.end


class FakeConversation(FakeTalk, Conversation):
    """A frame tells of money what `readings` says of its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: dict[bytes, Reading] = {}

    @override
    def reading(self, frame: Frame) -> Reading | None:
        return self.readings.get(frame.data)


class FakeConverser(Conversing):
    """Gives `conversation`, or raises it; `hangs` never answers."""

    def __init__(self, conversation: FakeConversation | Exception) -> None:
        self.conversation = conversation
        self.calls: list[Call] = []
        self.hangs = False

    @override
    async def converse(self, call: Call) -> Conversation:
        self.calls.append(call)
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.conversation, Exception):
            raise self.conversation
        return self.conversation
