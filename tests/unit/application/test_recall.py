"""Stored responses: asked for where they were made, and held only while that takes."""

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.stored_response import Lookup, Origin
from llmproxy.application.interfaces.upstream import Deployment, Events, Recalling, Reply
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseDirectory, ResponseIds
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.recall import Recall
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import Broken, OwnFault
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document
from tests.fakes.ledger import FakeLimiter
from tests.fakes.sealing import FakeSealing
from tests.fakes.upstream import CALLER, FakeEvents, good_reply

pytestmark = pytest.mark.asyncio
SHOWN = ResponseIds(FakeSealing()).shown("resp_up", "gpt-mini", "alpha")


class FakeKeeper(Recalling):
    """Answers with what it was made with, or raises it; counts what is held meanwhile."""

    def __init__(self, limiter: FakeLimiter, answer: Reply | Events | Exception) -> None:
        self._limiter = limiter
        self._answer = answer
        self.held: list[int] = []

    @override
    async def recall(self, lookup: Lookup) -> Reply:
        self.held.append(len(self._limiter.held))
        if isinstance(self._answer, Reply):
            return self._answer
        raise self._error

    @override
    async def replay(self, lookup: Lookup) -> Events:
        self.held.append(len(self._limiter.held))
        if isinstance(self._answer, Exception | Reply):
            raise self._error
        return self._answer

    @property
    def _error(self) -> Exception:
        return self._answer if isinstance(self._answer, Exception) else AssertionError()


def lookup(after: int | None = None) -> Lookup:
    """What is asked of the response."""
    origin = Origin(SHOWN, "resp_up", "gpt-mini")
    return Lookup(CALLER, origin, "GET", "", "", None, after)


class Room:
    """A use case before one keeper; `free` is whether its document has no price."""

    def __init__(self, answer: Reply | Events | Exception | None, **changes: object) -> None:
        self.clock = FakeClock()
        self.limiter = FakeLimiter()
        self.keeper = None if answer is None else FakeKeeper(self.limiter, answer)
        model = parse_model(document(**changes)).model
        made = Deployment(model, None, None, "no secret", recalling=self.keeper)
        registry = Registry(self.clock)
        registry.install(Snapshot((made,)))
        directory = ResponseDirectory(registry, ResponseIds(FakeSealing()))
        self.recall = Recall(directory, self.limiter, self.clock)


@pytest.mark.parametrize("changes", [{}, {"costs": {}}], ids=["priced", "without a price"])
async def test_in_one_piece(changes: dict[str, object]) -> None:
    """It is held at no cost while the provider is asked; a price is not needed."""
    room = Room(good_reply(), **changes)
    reply, deployment = await room.recall(lookup())

    assert (reply, deployment.model.id) == (good_reply(), "gpt-mini")
    assert room.keeper is not None
    assert room.keeper.held == [1]
    assert room.limiter.held == []
    assert room.limiter.used == [(0, 0)]


async def test_what_fails_is_let_go() -> None:
    """An error of the provider goes on, and nothing stays held."""
    room = Room(Broken("no"))
    with pytest.raises(Broken):
        await room.recall(lookup())
    with pytest.raises(Broken):
        await room.recall.stream(lookup())
    assert room.limiter.held == []
    assert room.limiter.used == [(0, 0)] * 2


async def test_a_deployment_that_is_not_ready() -> None:
    """Nobody is asked."""
    room = Room(None)
    with pytest.raises(OwnFault) as failed:
        await room.recall(lookup())
    assert failed.value.code == "model_not_ready"
    assert room.limiter.used == []


@pytest.mark.parametrize(("after", "first"), [(None, 0), (6, 7)])
async def test_in_events(after: int | None, first: int) -> None:
    """They pass; the numbers go on where the client left off; it is held until the end."""
    events = FakeEvents([b"a", b"b", None], None)
    room = Room(events)
    replayed = await room.recall.stream(lookup(after))
    replayed.pulse_every(3.0)
    poured: list[bytes] = []

    def sink(data: bytes) -> bool:
        poured.append(data)
        return True

    assert replayed.passed == first
    assert await replayed.next() == b"a"
    await replayed.pour(sink)
    assert await replayed.next() is None
    assert poured == [b"b"]
    assert replayed.passed == first + 2
    assert (events.pulse_s, replayed.waited_s) == (3.0, 0.0)
    assert replayed.headers == events.headers
    assert len(room.limiter.held) == 1
    replayed.close()
    replayed.close()
    assert room.limiter.used == [(0, 0)]
    assert events.closed
