"""Answers for the same question: kept, given again, shared while under way."""

import asyncio
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.interfaces.upstream import Reply
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.replayed.question import Use
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Broken, OwnFault, RateLimited, UnknownModel
from tests.fakes.upstream import CALLER, USAGE, deployment
from tests.unit.application.replayed.house import (
    EVENTS,
    MAX_ENTRY_BYTES,
    WHOLE,
    open_house,
    read,
    status,
    steps,
)

pytestmark = pytest.mark.asyncio
FINISHED = ("finished", 18_000, 1)
CACHED = ("cached", 0, 1)


async def test_a_repeated_question_is_answered_for_nothing() -> None:
    """One provider call; the second has its own row, costs nothing and says how old it is."""
    house = open_house()
    first = await house.answer()
    house.clock.advance(7)
    second = await house.answer()

    assert (status(first), status(second)) == ("miss", "hit")
    assert second.reply.body == first.reply.body
    assert second.reply.headers == [
        b"content-type: application/json",
        b"x-llmproxy-cache-status: hit",
        b"age: 7",
    ]
    assert (second.cost_nano, second.deployment.model.id) == (0, "gpt-mini")
    assert len(house.provider.calls) == 1
    assert house.outcomes() == [FINISHED, CACHED]
    house.check_books()


async def test_an_answer_is_kept_for_its_time() -> None:
    """At the end of it the provider is asked again."""
    house = open_house()
    await house.answer()
    house.clock.advance(59.9)
    assert status(await house.answer()) == "hit"
    house.clock.advance(0.2)
    assert status(await house.answer()) == "miss"


async def test_refresh_asks_again_and_replaces() -> None:
    """The next question gets the newer answer."""
    house = open_house()
    await house.answer()
    house.provider.reply = Reply([], b"newer", USAGE)
    refreshed = await house.answer(WHOLE.__class__(WHOLE.shape, Use.REFRESH, 60.0, WHOLE.question))
    assert (status(refreshed), refreshed.reply.body) == ("refresh", b"newer")
    assert (await house.answer()).reply.body == b"newer"


async def test_bypass_keeps_nothing() -> None:
    """The head says that the cache was passed by, of an answer in one piece and of events."""
    house = open_house()
    bypass = WHOLE.__class__(WHOLE.shape, Use.BYPASS)
    assert status(await house.answer(bypass)) == "bypass"
    assert status(await house.answer()) == "miss"

    paced = house.provider.streams_paced()
    paced.say(b"content ", None)
    live = await house.stream(bypass)
    assert await read(live) == b"content "
    assert status(live) == "bypass"
    house.check_books()


@pytest.mark.parametrize(
    "other",
    [
        Caller("key_2", "beta", None, admin=False, expires_at=None),
        Caller("key_1", None, None, admin=False, expires_at=None),
        Caller("none", None, None, admin=False, expires_at=None, anonymous=True),
        Caller("none", None, None, admin=False, expires_at=None, anonymous=True, tag="alpha"),
    ],
)
async def test_projects_share_nothing(other: Caller) -> None:
    """Nor does a key without a project, nor who merely names one."""
    house = open_house()
    await house.answer()
    assert status(await house.answer(caller=other)) == "miss"
    assert status(await house.answer(caller=other)) == "hit"


async def test_keys_of_one_project_share() -> None:
    """An answer belongs to the project."""
    house = open_house()
    await house.answer()
    other = Caller("key_2", CALLER.project, None, admin=False, expires_at=None)
    assert status(await house.answer(caller=other)) == "hit"


async def test_a_key_that_may_not_use_the_model_gets_no_hit() -> None:
    """It is told that there is no such model, as without a cache."""
    house = open_house()
    await house.answer()
    other = Caller("key_2", CALLER.project, frozenset({"x"}), admin=False, expires_at=None)
    with pytest.raises(UnknownModel):
        await house.answer(caller=other)


async def test_a_changed_document_is_another_question() -> None:
    """Whatever changed in it."""
    house = open_house()
    await house.answer()
    changed = deployment(house.provider, parameters={"model": "gpt-5-mini", "temperature": 1})
    house.rooms.registry.install(Snapshot((changed,)))
    assert status(await house.answer()) == "miss"


async def test_what_a_limit_refuses_is_not_given() -> None:
    """A hit counts as a request: where none is left it is refused like any other."""
    house = open_house()
    await house.answer()
    house.rooms.limiter.refusal = RateLimited("no")
    with pytest.raises(RateLimited):
        await house.answer()
    house.check_books()


async def test_failures_and_partial_answers_are_not_kept() -> None:
    """Nor are answers that are larger than what may be kept."""
    house = open_house()
    good = house.provider.reply
    house.provider.reply = Broken("no")
    with pytest.raises(Broken):
        await house.answer()
    for body in (b"partial", b"x" * (MAX_ENTRY_BYTES + 1)):
        house.provider.reply = Reply([], body, USAGE)
        assert status(await house.answer()) == "miss"
    house.provider.reply = good
    assert status(await house.answer()) == "miss"
    assert status(await house.answer()) == "hit"
    house.check_books()


async def test_the_other_form() -> None:
    """What was kept in one piece is converted for who wants events, and asked for if it cannot."""
    house = open_house()
    await house.answer()
    house.provider.streams_paced().say(b"content asked", None)
    assert await read(await house.stream()) == b"content asked"

    house = open_house()
    await house.answer()
    house.forms.conversions[Form.EVENTS] = b"converted"
    live = await house.stream()
    assert await read(live) == b"converted"
    assert status(live) == "hit"
    assert not any(line.startswith(b"content-type") for line in live.headers)


async def test_forms_under_way_are_not_mixed() -> None:
    """Who wants events does not board an answer in one piece."""
    house = open_house()
    house.provider.gate.clear()
    whole = asyncio.create_task(house.answer())
    await steps()
    house.provider.streams_paced().say(b"content", None)
    other = EVENTS.__class__(Shape(Form.EVENTS, b"{}"), Use.ON, 60.0, EVENTS.question)
    assert status(await house.stream(other)) == "miss"
    house.provider.gate.set()
    await whole


async def test_a_stand_in_answers_for_this_once() -> None:
    """Not once the model itself is well again; under an `Idempotency-Key` the answer is the answer.

    The question's key says nothing of the other model's documents.
    """
    house = open_house()
    fine = house.provider.reply
    spare = open_house()
    first = deployment(house.provider, code="mini", fallbacks=["spare"])
    second = deployment(spare.provider, id="spare-1", code="spare")
    house.rooms.registry.install(Snapshot((first, second)))
    repeat = replace(WHOLE, repeat_key=b"key", fingerprint=b"print", use=Use.NONE)

    house.provider.reply = OwnFault("no")
    assert (await house.answer()).deployment.model.code == "spare"
    once = await house.answer(repeat)
    house.provider.reply = fine
    again = await house.answer()
    assert (status(again), again.deployment.model.code) == ("miss", "mini")
    assert (await house.answer(repeat)).reply.body == once.reply.body
    assert (len(house.provider.calls), len(spare.provider.calls)) == (3, 2)
