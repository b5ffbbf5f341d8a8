"""Several requests that make one answer."""

import asyncio

import pytest

from llmproxy.domain.errors import Broken, TimedOut
from llmproxy.infra.providers.translated.several import MAX_AT_ONCE, Fetched, all_of
from llmproxy.infra.providers.transport.errors import Wait
from llmproxy.infra.providers.transport.target import Patience


class Provider:
    """Answers each body with itself, the later ones sooner; counts what is asked at once."""

    def __init__(self, *, fails: bytes = b"", hangs: bool = False) -> None:
        self.fails = fails
        self.hangs = hangs
        self.now = 0
        self.most = 0
        self.ended: list[bytes] = []
        self.cancelled = 0

    async def __call__(self, body: bytes) -> Fetched:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for _ in range(30 - int(body)):
                await asyncio.sleep(0)
            if body == self.fails:
                raise Broken("no")
            if self.hangs or self.fails:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1
        self.ended.append(body)
        return Fetched(b"head", body)


PATIENT = Patience(1.0, 1.0, 1.0, None)
BODIES = [b"%d" % number for number in range(20)]


@pytest.mark.asyncio
async def test_all_in_order() -> None:
    """The answers stand in the order of what was asked, a few at a time."""
    provider = Provider()
    answers = await all_of(provider, BODIES, PATIENT)
    assert [each.body for each in answers] == BODIES
    assert provider.ended != BODIES
    assert provider.most == MAX_AT_ONCE


@pytest.mark.asyncio
async def test_one_that_fails() -> None:
    """It ends the others, and is what is raised."""
    provider = Provider(fails=b"3")
    with pytest.raises(Broken):
        await all_of(provider, BODIES, PATIENT)
    assert (provider.now, provider.cancelled) == (0, 3)


@pytest.mark.asyncio
@pytest.mark.parametrize("by_client", [False, True])
async def test_patience_is_for_all(*, by_client: bool) -> None:
    """Not for each; the limit has its own word, and whose it was is told."""
    provider = Provider(hangs=True)
    of_client = frozenset((Wait.TOTAL,)) if by_client else frozenset()
    with pytest.raises(TimedOut) as late:
        await all_of(provider, BODIES, PATIENT._replace(total_s=0.05, of_client=of_client))
    assert (late.value.code, late.value.by_client) == ("upstream_total_timeout", by_client)
    assert ("the client's own limit" in late.value.message) is by_client
    assert (provider.now, provider.ended) == (0, [])


@pytest.mark.asyncio
async def test_a_caller_that_leaves() -> None:
    """Nothing goes on without it."""
    provider = Provider(hangs=True)
    asking = asyncio.ensure_future(all_of(provider, BODIES, PATIENT))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (provider.now, provider.cancelled) == (0, MAX_AT_ONCE)
