"""What the counter reads of an answer beside its bytes: who, how long, what is left."""

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.replayed import question
from llmproxy.application.use_cases.replayed.cached import Cached
from llmproxy.application.use_cases.replayed.given import MarkedLive
from llmproxy.application.use_cases.replayed.question import Questions
from llmproxy.domain.caller import ANYONE
from llmproxy.domain.errors import Broken, RateLimited
from llmproxy.domain.limit import Allowance, Quota
from tests.fakes.upstream import call, deployment
from tests.unit.application.replayed.house import EVENTS, WHOLE, House, open_house, read, steps

pytestmark = pytest.mark.asyncio


def _limit(house: House) -> None:
    """Let each call leave one request less of ten."""
    left = [10]
    reserve = house.rooms.limiter.reserve

    async def counted(reservation: Reservation) -> None:
        await reserve(reservation)
        left[0] -= 1
        reservation.quota = Quota(Allowance(10, left[0], 1.0), None)

    house.rooms.limiter.reserve = counted  # type: ignore[method-assign]


def _left(quota: Quota | None) -> int:
    assert quota is not None
    assert quota.requests is not None
    return quota.requests.left


async def test_what_is_left() -> None:
    """Each caller's own: of the first call, of a hit, of who shared."""
    house = open_house()
    _limit(house)
    assert _left((await house.answer()).quota) == 9
    assert _left((await house.answer()).quota) == 8

    paced = house.provider.streams_paced()
    other = EVENTS.__class__(EVENTS.shape, EVENTS.use, 60.0, b"other?")
    first, second = await house.stream(other), await house.stream(other)
    paced.say(b"content", None)
    await read(first)
    await read(second)
    third = await house.stream(other)
    assert [_left(each.quota) for each in (first, second, third)] == [7, 6, 5]


async def test_who_and_how_long() -> None:
    """Waiting for others is not the gateway's own time."""
    house = open_house()
    paced = house.provider.streams_paced()
    first, second = await house.stream(), await house.stream()
    for live in (first, second):
        assert (live.deployment, live.headers[:-1], live.passed) == (None, [], 0)
    assert first.quota is None
    waiting = asyncio.create_task(second.next())
    await steps()
    house.clock.advance(3)
    paced.say(b"content", None)
    assert await waiting == b"content"
    await first.next()
    assert second.waited_s == 3
    for live in (first, second):
        await live.pour(lambda _: False)
        assert live.deployment is not None
        assert live.passed == 7
        assert await read(live) == b""
    third = await house.stream()
    third.pulse_every(1)
    await third.pour(lambda _: False)
    assert third.deployment is not None
    assert (third.waited_s, third.passed) == (0.0, 0)
    third.close()
    assert await third.next() is None


async def test_marked_streams() -> None:
    """Everything but the further lines is the stream's own."""
    house = open_house()
    house.provider.streams_paced().say(b"content", None)
    live = await house.rooms.stream(house.call(stream=True))
    marked = MarkedLive(live, (b"x: y",))
    marked.pulse_every(1)
    assert await marked.next() == b"content"
    await marked.pour(lambda _: False)
    assert marked.headers == [*live.headers, b"x: y"]
    assert (marked.deployment, marked.quota) == (live.deployment, live.quota)
    assert (marked.waited_s, marked.passed) == (live.waited_s, live.passed)
    marked.close()


async def test_who_is_refused_leaves() -> None:
    """Who may not even board is told so, and the flight goes on without."""
    house = open_house()
    paced = house.provider.streams_paced()
    first = await house.stream()
    house.rooms.limiter.refusal = RateLimited("no")
    with pytest.raises(RateLimited):
        await house.stream()
    house.rooms.limiter.refusal = None
    paced.say(b"content", None)
    assert await read(first) == b"content"
    house.check_books()


async def test_a_crash_in_a_stream() -> None:
    """It is raised at all who read it, and booked."""
    house = open_house()
    paced = house.provider.streams_paced()
    first, second = await house.stream(), await house.stream()
    paced.say(b"content", ZeroDivisionError())
    for live in (first, second):
        with pytest.raises(ZeroDivisionError):
            await read(live)
    assert {row.error for row in house.rooms.journal.settlements} == {"internal_error"}
    house.check_books()


async def test_without_a_cache() -> None:
    """A gateway that keeps nothing passes by, and closing it is fine."""
    house = open_house()
    cached = Cached(house.cached._rooms, None)
    assert (cached.keeps, house.cached.keeps) == (False, True)
    answer = await cached.answer(house.call(), WHOLE)
    assert answer.reply.headers[-1] == b"x-llmproxy-cache-status: bypass"
    await cached.close()


async def test_closing_ends_all_flights() -> None:
    """Those for questions and those for keys; those who wait are told."""
    house = open_house()
    house.provider.streams_paced()
    live = await house.stream()
    waiting = asyncio.create_task(live.next())
    await steps()
    await house.repeats.close()
    with pytest.raises(Exception, match="stopping"):
        await waiting
    live.close()
    house.check_books()
    assert house.repeats.caches


async def test_plans_are_forgotten() -> None:
    """What is remembered of plans is bounded; a key does not depend on it."""
    house = open_house()
    questions = Questions()
    asked = call(house.clock)
    first = deployment(house.provider)
    key = questions.key(asked, WHOLE, (first,))
    for _ in range(question.MAX_PLANS + 1):
        assert questions.key(asked, WHOLE, (first,)) == key
    assert len(questions._plans) <= question.MAX_PLANS
    other = deployment(house.provider, parameters={"model": "gpt-5"})
    assert questions.key(asked, WHOLE, (other,)) != key


async def test_deployments_that_are_gone() -> None:
    """Nothing of a snapshot is held once another one is there."""
    house = open_house()
    await house.answer()
    [old] = house.rooms.registry.snapshot.deployments
    gone = weakref.ref(old)
    del old
    assert house.cached._questions._askers
    house.rooms.registry.install(Snapshot((deployment(house.provider),)))
    gc.collect()
    assert gone() is None
    await house.answer()


async def test_anonymous_callers_of_one_project() -> None:
    """Each request of theirs has a caller of its own: they are known by what they say."""
    house = open_house()
    for tag in ("one", "other"):
        for _ in range(50):
            await house.answer(caller=replace(ANYONE, tag=tag))
    assert len(house.cached._questions._askers) == 2


async def test_how_many_events_had_passed() -> None:
    """Whoever is told of a failure has read all events before it: the next number is known."""
    house = open_house()
    paced = house.provider.streams_paced()
    first = await house.stream()
    paced.say(b"content", Broken("cut"))
    assert await first.next() == b"content"
    with pytest.raises(Broken, match="cut"):
        await first.next()
    assert first.passed == 7
    first.close()
