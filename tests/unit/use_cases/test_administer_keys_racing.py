"""Keys changed while others change them, and while the store fails."""

from dataclasses import replace

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.key_repository import KeyMissingError, StoredKey
from llmproxy.application.use_cases.administer_keys import AdministerKeys
from llmproxy.domain.errors import EtagMismatch, InvalidRequest, Unavailable, UnknownItem
from llmproxy.infra.database.memory import MemoryKeyRepository
from tests.fakes.administration import FakeOffice

ALICE = Actor("cli:alice")
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


async def _issue(keys: AdministerKeys) -> StoredKey:
    issued = await keys.issue(project="alpha", models=None, admin=False, expires_at=None)
    return issued.stored


class _Racing(MemoryKeyRepository):
    """Something happens right before an update."""

    def __init__(self, *happenings: Exception | str) -> None:
        super().__init__()
        self.happenings = list(happenings)

    @override
    async def update(self, key: StoredKey, *, expected: StoredKey) -> None:
        happening = self.happenings.pop(0) if self.happenings else ""
        if isinstance(happening, Exception):
            raise happening
        if happening == "revoked":
            await self.revoke(key.id, 1.0)
        elif happening == "changed":
            other = replace(expected, models=frozenset({"other", str(len(self.happenings))}))
            await super().update(other, expected=expected)
        await super().update(key, expected=expected)

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        if self.happenings and isinstance(self.happenings[0], Unavailable):
            raise self.happenings.pop(0)
        return await super().revoke(key_id, at)


def _over(office: FakeOffice, *happenings: Exception | str) -> AdministerKeys:
    return AdministerKeys(_Racing(*happenings), office.clock, office.audit, ALICE)


async def test_a_lost_race_is_run_again(office: FakeOffice) -> None:
    """What the other one changed stays changed."""
    keys = _over(office, "changed")
    key = await _issue(keys)
    kept = await keys.patch(key.id, {"expires_at": office.clock.now() + 5}, etag=None)
    assert kept.models == {"other", "0"}


async def test_a_race_that_is_lost_again_and_again_ends(office: FakeOffice) -> None:
    """With an error."""
    keys = _over(office, *["changed"] * 9)
    key = await _issue(keys)
    with pytest.raises(EtagMismatch):
        await keys.patch(key.id, {"expires_at": office.clock.now() + 5}, etag=None)


async def test_a_key_that_vanishes_is_unknown(office: FakeOffice) -> None:
    """Keys are never deleted here, but somebody may do it in the store."""
    keys = _over(office, KeyMissingError("gone"))
    key = await _issue(keys)
    with pytest.raises(UnknownItem):
        await keys.patch(key.id, {"models": ["a"]}, etag=None)


async def test_a_key_revoked_while_it_is_rotated_has_no_successor(office: FakeOffice) -> None:
    """The new key, which nobody has seen, is revoked too."""
    keys = _over(office, "revoked")
    old = await _issue(keys)
    with pytest.raises(InvalidRequest):
        await keys.rotate(old.id, grace_s=60)
    new = next(key for key in await keys.every() if key.id != old.id)
    assert new.revoked_at is not None


async def test_a_store_that_goes_away_leaves_a_line(office: FakeOffice) -> None:
    """Whether the change was made is not known, and the audit says so."""
    keys = _over(office, Unavailable("away"), Unavailable("away"))
    key = await _issue(keys)
    with pytest.raises(Unavailable):
        await keys.patch(key.id, {"models": ["a"]}, etag=None)
    with pytest.raises(Unavailable):
        await keys.revoke(key.id)
    assert office.audit.words[1:] == [("key.unconfirmed", key.id)] * 2


class _Away(MemoryKeyRepository):
    @override
    async def add(self, key: StoredKey) -> None:
        raise Unavailable("away")

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        return False


async def test_a_key_that_may_be_kept_leaves_a_line(office: FakeOffice) -> None:
    """Nobody has seen it, but it may be there."""
    keys = AdministerKeys(_Away(), office.clock, office.audit, ALICE)
    with pytest.raises(Unavailable):
        await _issue(keys)
    assert [what for what, _ in office.audit.words] == ["key.unconfirmed"]


async def test_a_key_that_vanishes_before_it_is_revoked_is_unknown(office: FakeOffice) -> None:
    """Nothing was done, and no line says so."""
    repository = _Away()
    key = StoredKey("key_1", bytes(32), "sk-llmproxy-abcd", "alpha", None, False, 1.0)  # noqa: FBT003
    await MemoryKeyRepository.add(repository, key)
    with pytest.raises(UnknownItem):
        await AdministerKeys(repository, office.clock, office.audit, ALICE).revoke("key_1")
    assert office.audit.changes == []
