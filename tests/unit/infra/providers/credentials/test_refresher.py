"""When a token is renewed, and what is told when none comes."""

import asyncio
import gc
import logging
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.providers.credentials.credential import heard
from llmproxy.infra.providers.credentials.token import CredentialFailed
from tests.unit.infra.providers.credentials.world import World

FIRST = b"authorization: Bearer tok-1\r\n"
SECOND = b"authorization: Bearer tok-2\r\n"
pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("life_s", "after_s"),
    [(3600, 2700), (86_400, 82_800), (300, 225), (40, 30), (0.5, 1.0)],
)
async def test_renewal_comes_before_the_end(life_s: float, after_s: float) -> None:
    """At three quarters of a token's life, at most an hour early, never without a pause."""
    world = World(life_s=life_s)
    await world.landed()

    assert world.timers.pauses == [after_s]


@given(
    lives=st.lists(st.floats(2, 100_000), min_size=1, max_size=8),
    faults=st.lists(st.booleans(), max_size=8),
)
async def test_no_request_waits_while_a_token_is_good(
    lives: list[float], faults: list[bool]
) -> None:
    """Whatever the lives of tokens and the failures between: good until its end, then gone."""
    world = World(life_s=lives[0])
    await world.landed()
    ends = world.clock.now() + lives[0]
    for number, life_s in enumerate(lives[1:]):
        failed = faults[number : number + 1] == [True]
        world.issuer.life_s = life_s
        world.issuer.fault = CredentialFailed("down") if failed else None
        if not world.credential.failing:
            assert world.clock.now() + world.timers.pauses[-1] < ends
        await world.fired()
        ends = ends if failed else world.clock.now() + life_s
        assert (world.credential.line() is not None) == (world.clock.now() < ends)
        assert world.credential.failing == failed


async def test_failures_are_tried_again_after_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One, two, four seconds, at most a minute; told in one line each, and when it is over."""
    world = World()
    await world.landed()
    world.issuer.fault = CredentialFailed("AADSTS7000215: Invalid client secret provided.")
    with caplog.at_level(logging.INFO):
        for _ in range(9):
            await world.fired()
        world.issuer.fault = None
        assert world.credential.failing
        await world.fired()

    assert world.timers.pauses == [2700, 1, 2, 4, 8, 16, 32, 60, 60, 60, 2700]
    assert not world.credential.failing
    assert world.credential.problem is None
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 10
    assert said[1] == (
        "Entra ID, test could not be renewed (2 in a row, again in 2 s; its token is good for "
        "899 s): AADSTS7000215: Invalid client secret provided."
    )
    assert said[-1] == "Entra ID, test is renewed again"


async def test_a_failure_is_told_with_what_is_left() -> None:
    """In the words of the detailed health report."""
    world = World()
    world.issuer.fault = CredentialFailed("refused")
    await world.landed()
    assert world.credential.problem == "refused; there is no token"

    world.issuer.fault = None
    await world.fired()
    world.issuer.fault = CredentialFailed("refused")
    await world.fired()
    assert world.credential.problem == "refused; its token is good for 900 s"
    world.clock.advance(900)
    assert world.credential.problem == "refused; its token has expired"
    assert world.credential.expired


async def test_a_refused_token_is_renewed_early_but_seldom() -> None:
    """A 401 asks for a new token at most every 30 seconds, and other statuses never."""
    world = World()
    await world.landed()
    for status in (200, 403, 429, 500):
        heard(status, world.credential)
    assert world.credential._flight is None
    heard(401, world.credential)
    heard(401, world.credential)
    await world.landed()

    assert world.credential.line() == SECOND
    assert world.timers.every[0].cancelled
    world.clock.advance(29)
    heard(401, world.credential)
    heard(401, None)
    assert world.issuer.asked == 2
    world.clock.advance(1)
    heard(401, world.credential)
    await world.landed()
    assert world.issuer.asked == 3


async def test_an_early_renewal_leaves_one_timer() -> None:
    """However often it is asked for."""
    world = World()
    await world.landed()
    for _ in range(5):
        world.clock.advance(31)
        world.credential.refused()
        await world.landed()

    assert sum(not timer.cancelled for timer in world.timers.every) == 1


async def test_a_token_that_comes_too_late_is_a_failure() -> None:
    """One that has ended already does not become a loop without pause."""
    world = World(life_s=-1)
    await world.landed()

    assert world.credential.problem == (
        "the token that came has already expired; there is no token"
    )
    assert world.timers.pauses == [1]


async def test_whatever_the_issuer_raises_it_is_tried_again() -> None:
    """Without the words of its token."""
    world = World()
    world.issuer.fault = RuntimeError(f"no luck with {'a1B2' * 20}\nat all")
    await world.landed()

    assert world.credential.problem == (
        "RuntimeError: no luck with ***** at all; there is no token"
    )
    world.issuer.fault = None
    await world.fired()
    assert world.credential.problem is None


async def test_what_nobody_uses_is_gone() -> None:
    """Its timer does not keep it alive, and then calls nothing."""
    world = World()
    await world.landed()
    gone = weakref.ref(world.credential)
    del world.credential
    gc.collect()

    assert gone() is None
    world.timers.fire()
    assert world.issuer.asked == 1


async def test_after_close_nothing_is_renewed() -> None:
    """Neither the timer nor a fetch under way goes on."""
    world = World(closed=True)
    world.credential.close()
    with pytest.raises(asyncio.CancelledError):
        await world.credential._flight or asyncio.sleep(0)
    world.issuer.open()
    assert world.timers.every == []

    world = World()
    await world.landed()
    world.credential.close()
    assert world.timers.every[0].cancelled
