"""Who is let in: keys, nobody in particular, administrators."""

from dataclasses import replace

import pytest

from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import ANYONE, Auth, Caller, key_digest
from llmproxy.domain.errors import (
    Forbidden,
    InvalidRequest,
    Unauthenticated,
    Unavailable,
)
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import CALLER
from tests.unit.application.registries import (
    ALL,
    KEY,
    OPEN,
    elsewhere,
    here,
    registry_of,
)


def test_before_the_first_snapshot() -> None:
    """Until there is one the gateway says that it starts: it knows no key and refuses none."""
    registry = Registry(FakeClock())

    assert not registry.loaded
    with pytest.raises(Unavailable) as starting:
        registry.authenticate(KEY, here)
    assert starting.value.retry_after_s == 1.0
    registry.install(Snapshot())
    assert registry.loaded


def test_a_key_is_known_by_its_digest() -> None:
    """The snapshot holds digests: the key itself finds its caller, and nothing else does."""
    registry = registry_of(callers=(CALLER,))

    assert registry.authenticate(KEY, elsewhere) is CALLER
    for wrong in (KEY[:-1], KEY + b" ", KEY.upper(), key_digest(KEY), b"\xff"):
        with pytest.raises(Unauthenticated) as unknown:
            registry.authenticate(wrong, here)
        assert unknown.value.message == "Incorrect API key provided."


@pytest.mark.parametrize("key", [None, b""])
def test_without_a_key(key: bytes | None) -> None:
    """Once there are keys, this machine needs one too."""
    with pytest.raises(Unauthenticated) as missing:
        registry_of(callers=(CALLER,)).authenticate(key, here)
    assert "Authorization header" in missing.value.message


def test_an_expired_key() -> None:
    """A key counts until the second it expires in, and not in it."""
    clock = FakeClock()
    registry = Registry(clock)
    caller = Caller("key_1", None, None, admin=False, expires_at=clock.now() + 10)
    registry.install(Snapshot(keys={key_digest(KEY): caller}))

    clock.advance(9.9)
    assert registry.authenticate(KEY, elsewhere) is caller
    clock.advance(0.1)
    with pytest.raises(Unauthenticated) as expired:
        registry.authenticate(KEY, elsewhere)
    assert "expired" in expired.value.message


def test_while_no_key_was_ever_made() -> None:
    """This machine itself is served without a key, any other is told what to do."""
    registry = registry_of(keyless=True)

    assert registry.authenticate(b"anything", here) is ANYONE
    assert registry.authenticate(None, here) is ANYONE
    with pytest.raises(Unauthenticated) as refused:
        registry.authenticate(b"anything", elsewhere)
    assert "llmproxy keys create" in refused.value.message


def test_open_to_everybody() -> None:
    """AUTH=open: a key that is known is its caller, everybody else is anybody, from anywhere."""
    registry = registry_of(callers=(CALLER,), auth=Auth.OPEN)

    assert registry.authenticate(KEY, elsewhere) is CALLER
    assert registry.authenticate(None, elsewhere) is ANYONE
    assert registry.authenticate(b"anything", elsewhere) is ANYONE
    assert registry.vouched(ANYONE.key_id, elsewhere) is ANYONE


def test_keys_are_needed_even_while_there_are_none() -> None:
    """AUTH=keys lets nobody in without one, this machine neither."""
    registry = registry_of(keyless=True, auth=Auth.KEYS)

    for key in (None, b"anything"):
        with pytest.raises(Unauthenticated):
            registry.authenticate(key, here)


def test_a_named_project_only_tags() -> None:
    """Without a key it is for the usage alone; with one it means nothing; nonsense is refused."""
    registry = registry_of(*ALL, keyless=True)
    tagged = registry.authenticate(None, here, "équipe".encode)

    assert (tagged.project, tagged.tag, tagged.anonymous) == (None, "équipe", True)
    assert "private" not in registry.visible(replace(tagged, tag="alpha"))
    keyed = registry_of(callers=(CALLER,), auth=Auth.OPEN)
    assert keyed.authenticate(KEY, here, lambda: b"other") is CALLER
    for wrong in (b"\xff", b" a", b"a/b", b"x" * 300, b"a\x01b"):
        with pytest.raises(InvalidRequest) as refused:
            registry.authenticate(None, here, lambda: wrong)  # noqa: B023 - called at once
        assert refused.value.param == "X-Project-Id"


def test_a_suspended_project_is_refused_in_words_of_its_own() -> None:
    """The holder of a real key may know why it opens nothing."""
    registry = registry_of(callers=(replace(CALLER, suspended=True),))
    for refused in (
        lambda: registry.authenticate(KEY, here),
        lambda: registry.vouched(CALLER.key_id, here),
    ):
        with pytest.raises(Forbidden, match="suspended") as error:
            refused()
        assert error.value.code == "project_suspended"


def test_administration_is_closed_to_all_but_admin_keys() -> None:
    """No key 401, any other key 403; while there are no keys this machine may only look."""
    admin = replace(CALLER, admin=True)
    assert registry_of(callers=(admin,)).administrator(KEY, elsewhere) is admin
    assert registry_of(callers=(admin,)).operator(KEY, elsewhere) is admin
    registry = registry_of(callers=(CALLER,))
    for entry in (registry.administrator, registry.operator):
        with pytest.raises(Forbidden) as forbidden:
            entry(KEY, here)
        assert forbidden.value.code == "admin_key_required"
        with pytest.raises(Unauthenticated):
            entry(None, here)

    keyless = registry_of(keyless=True)
    assert keyless.operator(None, here) is ANYONE
    with pytest.raises(Unauthenticated, match="admin key"):
        keyless.administrator(None, here)
    everybody = registry_of(callers=(admin,), auth=Auth.OPEN)
    for entry in (everybody.administrator, everybody.operator):
        with pytest.raises(Unauthenticated, match="admin key"):
            entry(None, here)


def test_a_caller_that_something_else_vouches_for() -> None:
    """A key's id stands for its caller as long as the key itself would be let in."""
    clock = FakeClock()
    registry = Registry(clock)
    late = replace(CALLER, key_id="key_2", expires_at=clock.now() + 10)
    registry.install(Snapshot((OPEN,), {b"one": CALLER, b"two": late}))
    assert registry.vouched(CALLER.key_id, lambda: False) is CALLER
    assert registry.vouched("key_2", lambda: False) is late
    clock.advance(10)
    for key_id in ("key_2", "key_3", "none"):
        with pytest.raises(Unauthenticated):
            registry.vouched(key_id, lambda: True)


def test_nobody_in_particular_is_vouched_for_without_keys() -> None:
    """While there are no keys, this machine itself is let in."""
    registry = Registry(FakeClock())
    registry.install(Snapshot((OPEN,), keyless=True))
    assert registry.vouched("none", lambda: True).key_id == "none"
    with pytest.raises(Unauthenticated):
        registry.vouched("none", lambda: False)
