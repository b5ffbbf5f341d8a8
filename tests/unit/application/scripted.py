"""Providers that answer as scripted, and how calls over them are asked."""

from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeEvents, FakeProvider, call, good_reply


class Scripted(FakeProvider):
    """Answers with each of `replies` in turn, and with the last one for ever."""

    def __init__(self, clock: FakeClock, *replies: object) -> None:
        super().__init__(clock)
        self.replies = list(replies) or [good_reply()]

    async def _take(self, call_: object) -> None:  # type: ignore[override]
        await super()._take(call_)  # type: ignore[arg-type]
        self.reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]  # type: ignore[assignment]
        error = isinstance(self.reply, Exception)
        self.streams = [self.reply if error else FakeEvents([b"content", None], None)]  # type: ignore[list-item]


async def ask(
    rooms: FakeRooms, clock: FakeClock, *, stream: bool = False, **changes: object
) -> str:
    """Say who answered. Raises what the caller is told."""
    if not stream:
        return (await rooms.answer(call(clock, **changes))).deployment.model.id
    streamed = await rooms.stream(call(clock, stream=True, **changes))
    while await streamed.next() is not None:
        continue
    assert streamed.deployment is not None
    return streamed.deployment.model.id


def told(rooms: FakeRooms) -> list[tuple[str, str | None]]:
    """The attempts of the last call."""
    return [(each.deployment, each.error) for each in rooms.journal.settlements[-1].attempts]
