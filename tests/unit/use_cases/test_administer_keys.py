"""Keys: made once, shown once, changed against etags, rotated with a grace, revoked for good."""

import re
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.administration import KeyAdministration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.use_cases.administer_keys import MAX_GRACE_S
from llmproxy.domain.caller import key_digest
from llmproxy.domain.errors import EtagMismatch, InvalidRequest, UnknownItem
from tests.fakes.administration import FakeOffice

ALICE = Actor("cli:alice")
DAY_S = 86_400.0
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture(name="keys")
def _keys(office: FakeOffice) -> KeyAdministration:
    return office.administration(ALICE).keys


async def _issue(keys: KeyAdministration, **rights: object) -> StoredKey:
    given = {"project": "alpha", "models": None, "admin": False, "expires_at": None} | rights
    return (await keys.issue(**given)).stored  # type: ignore[arg-type]


async def test_a_key_has_256_random_bits_and_only_its_digest_is_kept(
    office: FakeOffice, keys: KeyAdministration
) -> None:
    """What is shown is what opens; what is kept does not hold it."""
    issued = await keys.issue(
        project="alpha", models=frozenset({"mini"}), admin=False, expires_at=None
    )
    key = issued.key.expose()
    assert re.fullmatch(r"sk-llmproxy-[A-Za-z0-9_-]{43}", key)
    assert issued.stored.digest == key_digest(key.encode())
    assert await keys.get(issued.stored.id) == issued.stored
    assert await keys.every() == [issued.stored]
    shown = repr(office.audit.changes) + repr(issued)
    assert key not in shown
    assert issued.stored.digest.hex() not in repr(office.audit.changes)
    assert office.audit.words == [("key.created", issued.stored.id)]


@pytest.mark.parametrize(
    ("rights", "param"),
    [
        ({"project": None}, "project"),
        ({"project": ""}, "project"),
        ({"project": "a/b"}, "project"),
        ({"project": " a"}, "project"),
        ({"models": frozenset()}, "models"),
        ({"expires_at": 1_799_999_999.0}, "expires_at"),
        ({"expires_at": 1e20}, "expires_at"),
        ({"expires_at": float("nan")}, "expires_at"),
    ],
)
async def test_a_key_of_no_use_is_refused(
    office: FakeOffice, keys: KeyAdministration, rights: dict[str, object], param: str
) -> None:
    """Naming the field."""
    with pytest.raises(InvalidRequest) as caught:
        await _issue(keys, **rights)
    assert caught.value.param == param
    assert office.audit.changes == []


async def test_an_admin_key_can_do_without_a_project(keys: KeyAdministration) -> None:
    """It administers, and belongs to nobody."""
    assert (await _issue(keys, project=None, admin=True)).project is None


async def test_rights_are_changed(office: FakeOffice, keys: KeyAdministration) -> None:
    """Models and the end, each alone; null lifts the limit."""
    key = await _issue(keys)
    until = office.clock.now() + DAY_S
    assert (await keys.patch(key.id, {"models": ["a", "b"]}, etag=key.etag)).models == {"a", "b"}
    changed = await keys.patch(key.id, {"expires_at": until}, etag=None)
    assert (changed.models, changed.expires_at) == ({"a", "b"}, until)
    back = await keys.patch(key.id, {"models": None, "expires_at": None}, etag=None)
    assert back == key
    assert await keys.patch(key.id, {}, etag=None) == key
    assert [what for what, _ in office.audit.words] == ["key.created", *["key.changed"] * 3]
    assert (office.audit.changes[1].before or {})["models"] is None
    assert (office.audit.changes[1].after or {})["models"] == ["a", "b"]


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"project": "beta"}, "project"),
        ({"admin": True}, "admin"),
        ({"models": []}, "models"),
        ({"models": "a"}, "models"),
        ({"models": [1]}, "models[0]"),
        ({"expires_at": 1.0}, "expires_at"),
        ({"expires_at": "1900000000"}, "expires_at"),
        ({"expires_at": True}, "expires_at"),
    ],
)
async def test_what_cannot_be_changed_is_refused(
    keys: KeyAdministration, patch: dict[str, object], param: str
) -> None:
    """Naming the field."""
    key = await _issue(keys)
    with pytest.raises(InvalidRequest) as caught:
        await keys.patch(key.id, patch, etag=None)
    assert caught.value.param == param
    assert await keys.get(key.id) == key


async def test_an_old_etag_changes_nothing(keys: KeyAdministration) -> None:
    """Of two who read the same key only the first one changes it."""
    key = await _issue(keys)
    await keys.patch(key.id, {"models": ["a"]}, etag=key.etag)
    with pytest.raises(EtagMismatch):
        await keys.patch(key.id, {"models": ["b"]}, etag=key.etag)


async def test_an_unknown_id_is_said_to_be_unknown(keys: KeyAdministration) -> None:
    """Whatever is asked of it."""
    for asked in (
        keys.get("key_0"),
        keys.patch("key_0", {}, etag=None),
        keys.rotate("key_0", grace_s=0),
        keys.revoke("key_0"),
    ):
        with pytest.raises(UnknownItem, match="key_0"):
            await asked


async def test_a_rotated_key_stays_valid_for_its_grace(
    office: FakeOffice, keys: KeyAdministration
) -> None:
    """The new one has its rights and says what it replaces."""
    end = office.clock.now() + 90 * DAY_S
    old = await _issue(keys, models=frozenset({"a"}), admin=True, expires_at=end)
    new = (await keys.rotate(old.id, grace_s=DAY_S)).stored
    limited = await keys.get(old.id)
    assert limited.expires_at == office.clock.now() + DAY_S
    assert new.replaces == old.id
    assert (new.project, new.models, new.admin, new.expires_at) == ("alpha", {"a"}, True, end)
    assert new.digest != old.digest
    assert limited.is_live(office.clock.now() + DAY_S - 1)
    assert not limited.is_live(office.clock.now() + DAY_S)
    assert office.audit.words[1:] == [("key.created", new.id), ("key.rotated", old.id)]


async def test_a_grace_is_no_longer_than_the_key(
    office: FakeOffice, keys: KeyAdministration
) -> None:
    """A key that ends within it ends as it was to."""
    end = office.clock.now() + 60
    old = await _issue(keys, expires_at=end)
    await keys.rotate(old.id, grace_s=DAY_S)
    assert (await keys.get(old.id)).expires_at == end


async def test_without_grace_the_old_key_ends_at_once(
    office: FakeOffice, keys: KeyAdministration
) -> None:
    """And cannot be rotated again."""
    old = await _issue(keys)
    await keys.rotate(old.id, grace_s=0)
    assert not (await keys.get(old.id)).is_live(office.clock.now())
    with pytest.raises(InvalidRequest) as caught:
        await keys.rotate(old.id, grace_s=0)
    assert caught.value.code == "key_expired"


@pytest.mark.parametrize("grace_s", [-1.0, MAX_GRACE_S + 1, float("nan")])
async def test_a_grace_has_bounds(keys: KeyAdministration, grace_s: float) -> None:
    """Nothing is made outside of them."""
    old = await _issue(keys)
    with pytest.raises(InvalidRequest) as caught:
        await keys.rotate(old.id, grace_s=grace_s)
    assert caught.value.param == "grace_s"
    assert len(await keys.every()) == 1


async def test_a_key_is_revoked_for_good(office: FakeOffice, keys: KeyAdministration) -> None:
    """The first time counts, and nothing can be done with it any more."""
    key = await _issue(keys)
    first = await keys.revoke(key.id)
    office.clock.advance(60)
    assert await keys.revoke(key.id) == first == await keys.get(key.id)
    for asked in (keys.patch(key.id, {"models": ["a"]}, etag=None), keys.rotate(key.id, grace_s=0)):
        with pytest.raises(InvalidRequest) as caught:
            await asked
        assert caught.value.code == "key_revoked"
    assert [what for what, _ in office.audit.words] == ["key.created", "key.revoked"]


async def test_the_etag_differs_with_every_right(keys: KeyAdministration) -> None:
    """And says nothing of the digest."""
    key = await _issue(keys)
    others = [
        replace(key, models=frozenset({"a"})),
        replace(key, expires_at=1.0),
        replace(key, revoked_at=1.0),
    ]
    assert len({key.etag, *(each.etag for each in others)}) == 4
    assert replace(key, digest=bytes(32)).etag == key.etag
