"""What a request is given: the token there is, or the one that it waits for."""

import asyncio
import pickle

import pytest

from llmproxy.domain.errors import OwnFault
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.credential import authorized, signed
from llmproxy.infra.providers.credentials.token import CredentialFailed, Token
from llmproxy.infra.providers.transport.target import target
from tests.unit.infra.providers.credentials.world import World

FIRST = b"authorization: Bearer tok-1\r\n"
SECOND = b"authorization: Bearer tok-2\r\n"
pytestmark = pytest.mark.asyncio


async def test_the_first_token_is_fetched_at_once() -> None:
    """No request has to ask for it; one that comes too early waits."""
    world = World(closed=True)
    assert world.credential.line() is None

    waiting = asyncio.create_task(world.credential.ready())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    world.issuer.open()

    assert await waiting == FIRST
    assert world.credential.line() == FIRST


async def test_a_hundred_requests_share_one_fetch() -> None:
    """However many wait, the issuer is asked once."""
    world = World(closed=True)
    waiting = [asyncio.create_task(world.credential.ready()) for _ in range(100)]
    await asyncio.sleep(0.01)
    world.issuer.open()

    assert set(await asyncio.gather(*waiting)) == {FIRST}
    assert (world.issuer.asked, world.issuer.at_once) == (1, 1)


async def test_a_request_takes_the_old_token_while_the_new_one_is_fetched() -> None:
    """It waits for nothing as long as the old one is good, and not longer."""
    world = World()
    await world.landed()
    world.issuer.close()
    world.timers.fire()
    await asyncio.sleep(0.01)

    assert world.issuer.asked == 2
    assert world.credential.line() == FIRST
    world.clock.advance(899)
    assert world.credential.line() == FIRST
    world.clock.advance(1)
    assert world.credential.line() is None

    waiting = asyncio.create_task(world.credential.ready())
    world.issuer.open()
    assert await waiting == SECOND


async def test_without_a_token_a_failed_fetch_fails_the_request_at_once() -> None:
    """The request fails with the platform's fault; between the tries nobody asks the issuer."""
    world = World(closed=True)
    world.issuer.fault = CredentialFailed("invalid_grant")
    waiting = asyncio.create_task(world.credential.ready())
    await asyncio.sleep(0.01)
    world.issuer.open()

    with pytest.raises(OwnFault) as raised:
        await waiting
    assert raised.value.code == "upstream_credentials"
    assert raised.value.detail == "Entra ID, test: invalid_grant; there is no token"
    for _ in range(3):
        with pytest.raises(OwnFault):
            await world.credential.ready()
    assert world.issuer.asked == 1


async def test_a_token_that_ended_while_the_machine_slept_is_fetched_on_demand() -> None:
    """Timers stand still in sleep: the request that finds no token begins the fetch."""
    world = World()
    await world.landed()
    world.clock.advance(7200)
    assert world.credential.problem == "its token has expired, a new one is on its way"

    assert await world.credential.ready() == SECOND
    assert world.timers.every[0].cancelled
    assert world.issuer.asked == 2


async def test_a_request_waits_no_longer_than_the_limit() -> None:
    """An issuer that hangs fails the request, not the fetch."""
    world = World(closed=True, wait_s=0.02)

    with pytest.raises(OwnFault) as raised:
        await world.credential.ready()
    assert "no token came within" in raised.value.detail
    world.issuer.open()
    await world.landed()
    assert await world.credential.ready() == FIRST
    assert world.issuer.asked == 1


async def test_a_waiter_that_leaves_disturbs_nobody() -> None:
    """The fetch goes on for the others."""
    world = World(closed=True)
    leaving, staying = (asyncio.create_task(world.credential.ready()) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0)
    world.issuer.open()

    assert await staying == FIRST


async def test_the_header_gets_into_requests() -> None:
    """Behind the fixed ones; without a credential all stays as it is."""
    world = World()
    await world.landed()
    plain = target("https://r.openai.azure.com/x", {"accept": "*/*"})

    carrying = await authorized(plain, world.credential)
    assert carrying.head == plain.head + FIRST
    assert carrying.origin == plain.origin
    assert await authorized(plain, None) is plain
    headers = {"accept": "*/*"}
    assert await signed(headers, world.credential) == headers | {"authorization": "Bearer tok-1"}
    assert await signed(headers, None) is headers


async def test_tokens_do_not_print() -> None:
    """Neither they nor targets that carry them."""
    token = Token(Secret("abc.def"), 1.0)
    carrying = target("https://r.openai.azure.com/x", {"api-key": "abc.def"}).carrying(token.line)

    assert "abc" not in f"{token!r} {token} {carrying!r}"
    with pytest.raises(TypeError):
        pickle.dumps(token)


@pytest.mark.parametrize("value", ["", "a b", "a\r\nx: y", "ä"])
async def test_a_token_that_is_none_is_refused(value: str) -> None:
    """It could end the header."""
    with pytest.raises(CredentialFailed):
        Token(Secret(value), 1.0)
