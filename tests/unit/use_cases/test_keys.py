"""Issuing and revoking keys."""

import re

import pytest

from llmproxy.application.use_cases.issue_key import IssueKey
from llmproxy.application.use_cases.revoke_key import RevokeKey
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.infra.database.memory import MemoryKeyRepository
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


async def test_a_key_is_256_random_bits_and_only_its_digest_is_kept() -> None:
    """The stored row finds the key by its digest and gives nothing else of it away."""
    keys, clock = MemoryKeyRepository(), FakeClock()

    issued = await IssueKey(keys, clock)(project="p", models=frozenset({"gpt-4"}), expires_at=2e9)
    key = issued.key.expose()

    assert re.fullmatch(r"sk-llmproxy-[A-Za-z0-9_-]{43}", key)
    assert await keys.load_all() == [issued.stored]
    assert issued.stored.digest == key_digest(key.encode())
    assert issued.stored.prefix == key[:16]
    assert key[16:] not in repr(issued)
    assert issued.stored.created_at == clock.now()
    assert issued.stored.caller() == Caller(
        issued.stored.id, "p", frozenset({"gpt-4"}), admin=False, expires_at=2e9
    )


async def test_no_two_keys_are_alike() -> None:
    """Neither the keys nor their ids."""
    issue = IssueKey(MemoryKeyRepository(), FakeClock())
    issued = [await issue(project=None, admin=True) for _ in range(50)]

    assert len({each.key.expose() for each in issued}) == 50
    assert len({each.stored.id for each in issued}) == 50


async def test_useless_keys_are_refused() -> None:
    """Expired from the start, or for no model at all: nothing is stored."""
    keys, clock = MemoryKeyRepository(), FakeClock()
    issue = IssueKey(keys, clock)

    with pytest.raises(ValueError, match="expired"):
        await issue(project="p", expires_at=clock.now())
    with pytest.raises(ValueError, match="no model"):
        await issue(project="p", models=frozenset())
    assert await keys.load_all() == []


async def test_a_key_lives_until_it_expires_or_is_revoked() -> None:
    """Both are checked against the clock, to the second."""
    keys, clock = MemoryKeyRepository(), FakeClock()
    issued = await IssueKey(keys, clock)(project="p", expires_at=clock.now() + 60)

    assert issued.stored.is_live(clock.now() + 59)
    assert not issued.stored.is_live(clock.now() + 60)
    assert await RevokeKey(keys, clock)(issued.stored.id)
    revoked = await keys.get(issued.stored.id)
    assert revoked is not None
    assert not revoked.is_live(clock.now())
    assert revoked.is_live(clock.now() - 1)


async def test_revoking_what_is_not_there() -> None:
    """It is told apart from success."""
    assert not await RevokeKey(MemoryKeyRepository(), FakeClock())("key_0")
