"""Looking up the names of hosts: shared, bounded, and with what was known before."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from llmproxy.infra.providers.transport.resolving import (
    FRESH_S,
    MAX_LOOKUPS,
    MAX_NAMES,
    PATIENCE_S,
    STALE_S,
    Resolver,
)

SLACK_S = 2.0
FOUND = ("10.0.0.1", "10.0.0.2")


@dataclass
class Names:
    """A resolver of the system that the test holds up."""

    asked: list[str] = field(default_factory=list)
    error: OSError | None = None
    open: threading.Event = field(default_factory=threading.Event)

    def __call__(self, host: str) -> tuple[str, ...]:
        """Answer once it is open."""
        self.asked.append(host)
        self.open.wait(10.0)
        if self.error is not None:
            raise self.error
        return FOUND


class _Loop:
    """The running loop, with a clock of the test's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.passed_s = 0.0

    def time(self) -> float:
        """The loop's time, and what the test let pass."""
        return self._loop.time() + self.passed_s


@pytest.fixture(name="names")
def _names() -> Iterator[Names]:
    names = Names()
    names.open.set()
    yield names
    names.open.set()


def _made(names: Callable[[str], tuple[str, ...]]) -> tuple[Resolver, _Loop]:
    loop = _Loop()
    return Resolver(loop.time, names), loop


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1"])
async def test_an_address_needs_no_look_up(names: Names, host: str) -> None:
    """It is its own."""
    resolver, _ = _made(names)

    assert await resolver.addresses(host) == (host,)
    assert names.asked == []


@pytest.mark.asyncio
async def test_what_was_heard_is_used_for_a_while(names: Names) -> None:
    """A name is asked for again when its answer is no longer fresh."""
    resolver, loop = _made(names)
    for _ in range(3):
        assert await resolver.addresses("a.example") == FOUND
    assert names.asked == ["a.example"]
    loop.passed_s = FRESH_S
    assert await resolver.addresses("a.example") == FOUND
    assert names.asked == ["a.example"] * 2


@pytest.mark.asyncio
async def test_one_look_up_for_all_who_wait(names: Names) -> None:
    """However many ask for a name, it is asked for once; who leaves does not end it."""
    resolver, _ = _made(names)
    names.open.clear()
    waiting = [asyncio.ensure_future(resolver.addresses("a.example")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert resolver.asking == 1
    names.open.set()

    assert await asyncio.gather(*waiting[1:]) == [FOUND] * 49
    assert names.asked == ["a.example"]
    assert resolver.asking == 0


@pytest.mark.asyncio
async def test_names_that_hang_are_bounded_and_hold_up_no_others(names: Names) -> None:
    """There are never more threads than that; beyond it a name fails at once."""
    resolver, _ = _made(names)
    names.open.clear()
    before = threading.active_count()
    waiting = [
        asyncio.ensure_future(resolver.addresses(f"{number}.example"))
        for number in range(MAX_LOOKUPS)
    ]
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(socket.gaierror):
        await resolver.addresses("more.example")
    assert time.monotonic() - began < SLACK_S
    assert threading.active_count() - before <= MAX_LOOKUPS
    names.open.set()
    await asyncio.gather(*waiting)

    assert await resolver.addresses("more.example") == FOUND


@pytest.mark.asyncio
async def test_a_resolver_that_is_away(names: Names) -> None:
    """While nobody can be asked, what was heard last is used, but not for ever."""
    resolver, loop = _made(names)
    await resolver.addresses("a.example")
    names.error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    loop.passed_s = STALE_S - 1.0
    assert await resolver.addresses("a.example") == FOUND
    loop.passed_s = STALE_S + 1.0
    with pytest.raises(socket.gaierror, match="Temporary"):
        await resolver.addresses("a.example")


@pytest.mark.asyncio
async def test_a_resolver_that_hangs(names: Names) -> None:
    """What was heard last is used when no answer comes soon."""
    resolver, loop = _made(names)
    await resolver.addresses("a.example")
    names.open.clear()
    loop.passed_s = FRESH_S
    began = time.monotonic()

    assert await resolver.addresses("a.example") == FOUND
    assert PATIENCE_S * 0.9 <= time.monotonic() - began < PATIENCE_S + SLACK_S


@pytest.mark.asyncio
async def test_a_name_that_is_gone(names: Names) -> None:
    """An answer that there is no such name ends the old one."""
    resolver, loop = _made(names)
    await resolver.addresses("a.example")
    names.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    loop.passed_s = FRESH_S
    with pytest.raises(socket.gaierror):
        await resolver.addresses("a.example")
    names.error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    with pytest.raises(socket.gaierror, match="Temporary"):
        await resolver.addresses("a.example")


@pytest.mark.asyncio
async def test_what_is_kept_is_bounded(names: Names) -> None:
    """The oldest answers give way."""
    resolver, _ = _made(names)
    for number in range(MAX_NAMES + 1):
        await resolver.addresses(f"{number}.example")
    assert len(names.asked) == MAX_NAMES + 1
    await resolver.addresses(f"{MAX_NAMES}.example")
    assert len(names.asked) == MAX_NAMES + 1
    await resolver.addresses("0.example")
    assert len(names.asked) == MAX_NAMES + 2
