"""Callers by digest: like a dict that is copied, without copying it."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.caller import Caller, key_digest
from llmproxy.infra.database.following.callers import Callers

DIGESTS = [*map(key_digest, (b"a", b"b", b"c", b"d", b"e")), b""]
CALLER = Caller("key_1", "p", None, admin=False, expires_at=None)
CALLERS = st.sampled_from([CALLER, replace(CALLER, key_id="key_2"), replace(CALLER, admin=True)])
SOME = st.dictionaries(st.sampled_from(DIGESTS), CALLERS)


@given(before=SOME, put=SOME, drop=st.sets(st.sampled_from(DIGESTS)))
def test_a_change_is_that_of_a_dict(
    before: Mapping[bytes, Caller], put: Mapping[bytes, Caller], drop: set[bytes]
) -> None:
    """What is dropped is gone unless it is put again; the one before stays as it was."""
    callers = Callers(before)
    changed = callers.changed(put, drop)
    wanted = {digest: before[digest] for digest in before if digest not in drop} | dict(put)

    for found, expected in ((changed, wanted), (callers, before)):
        assert dict(found) == expected
        assert len(found) == len(expected)
        assert [found.get(digest) for digest in DIGESTS] == [*map(expected.get, DIGESTS)]
        assert all((digest in found) == (digest in expected) for digest in DIGESTS)


def test_parts_without_a_change_are_shared() -> None:
    """Of many keys one change copies few."""
    callers = Callers({key_digest(b"%d" % n): CALLER for n in range(2000)})
    changed = callers.changed({}, [key_digest(b"7")])

    assert len(changed) == 1999
    shared = [one is other for one, other in zip(callers._parts, changed._parts, strict=True)]
    assert shared.count(False) == 1
