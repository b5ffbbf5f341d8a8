"""No limit is made while it could not be counted; everything else can still be done."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.use_cases.transfer_registry.archive import Archive
from llmproxy.application.use_cases.transfer_registry.transfer import TransferRegistry
from llmproxy.domain.errors import LimitsNeedRedis
from tests.fakes.administration import FakeOffice
from tests.fakes.documents import document

LIMITS = {"requests_per_minute": 60}
MORE = {"requests_per_minute": 61}
FAULT = "two workers serve"
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture(name="desk")
def _desk(office: FakeOffice) -> Administration:
    return office.administration(Actor("cli:alice"))


async def _key(desk: Administration, limits: dict[str, object] | None = None) -> StoredKey:
    issued = await desk.keys.issue(
        project="a", models=None, admin=False, expires_at=None, limits=limits
    )
    return issued.stored


Change = Callable[[Administration, str], Awaitable[object]]
MAKE_LIMITS: dict[str, Change] = {
    "a key": lambda desk, _: _key(desk, dict(LIMITS)),
    "a key's change": lambda desk, key: desk.keys.patch(key, {"limits": MORE}, etag=None),
    "a model": lambda desk, _: desk.models.create(document(id="new", limits=LIMITS)),
    "a model's code": lambda desk, _: desk.models.create(document(id="new", model_limits=LIMITS)),
    "a model in place": lambda desk, _: desk.models.replace(document(limits=MORE), etag=None),
    "a model's change": lambda desk, _: desk.models.patch(
        "gpt-mini", {"model_limits": LIMITS}, etag=None
    ),
    "an import": lambda desk, _: desk.models.put_all(
        [document(limits=LIMITS), document(id="new", limits=LIMITS)], dry_run=False
    ),
    "a project": lambda desk, _: desk.projects.put({"id": "b", "limits": LIMITS}, etag=None),
    "a project in place": lambda desk, _: desk.projects.put({"id": "a", "limits": MORE}, etag=None),
    "a project's change": lambda desk, _: desk.projects.patch("c", {"limits": LIMITS}, etag=None),
}
MAKE_NONE: dict[str, Change] = {
    "a key": lambda desk, _: _key(desk),
    "a key's models": lambda desk, key: desk.keys.patch(key, {"models": ["x"]}, etag=None),
    "all of a key": lambda desk, key: desk.keys.patch(key, {"limits": None}, etag=None),
    "one of a key": lambda desk, key: desk.keys.patch(
        key, {"limits": dict.fromkeys(LIMITS)}, etag=None
    ),
    "a rotation": lambda desk, key: desk.keys.rotate(key, grace_s=0),
    "a revocation": lambda desk, key: desk.keys.revoke(key),
    "the same in a model": lambda desk, _: desk.models.replace(
        document(name="N", limits=LIMITS), etag=None
    ),
    "the same in an import": lambda desk, _: desk.models.put_all(
        [document(name="N", limits=LIMITS), document(id="new")], dry_run=False
    ),
    "those of a model": lambda desk, _: desk.models.patch("gpt-mini", {"limits": None}, etag=None),
    "a model's end": lambda desk, _: desk.models.remove("gpt-mini", etag=None),
    "the same in a project": lambda desk, _: desk.projects.put(
        {"id": "a", "limits": LIMITS, "name": "A"}, etag=None
    ),
    "a project's state": lambda desk, _: desk.projects.patch("a", {"suspended": True}, etag=None),
    "those of a project": lambda desk, _: desk.projects.patch("a", {"limits": None}, etag=None),
}


async def _prepared(desk: Administration) -> str:
    """Limits of each kind, made while that was fine."""
    key = await _key(desk, dict(LIMITS))
    await desk.models.create(document(limits=LIMITS))
    await desk.projects.put({"id": "a", "limits": LIMITS}, etag=None)
    return key.id


@pytest.mark.parametrize("change", MAKE_LIMITS.values(), ids=MAKE_LIMITS)
async def test_a_limit_that_could_not_hold_is_refused(
    office: FakeOffice, desk: Administration, change: Change
) -> None:
    """With what to do; nothing is kept. Once it can be counted it is made."""
    key = await _prepared(desk)
    done = len(office.audit.changes)
    office.counting.reason = FAULT
    with pytest.raises(LimitsNeedRedis) as caught:
        await change(desk, key)
    assert FAULT in caught.value.message
    assert (caught.value.code, caught.value.param) == ("limits_need_redis", "limits")
    assert len(office.audit.changes) == done
    office.counting.reason = None
    await change(desk, key)
    assert len(office.audit.changes) > done


@pytest.mark.parametrize("change", MAKE_NONE.values(), ids=MAKE_NONE)
async def test_everything_else_can_be_done(
    office: FakeOffice, desk: Administration, change: Change
) -> None:
    """Limits that are there can be kept and taken away."""
    key = await _prepared(desk)
    done = len(office.audit.changes)
    office.counting.reason = FAULT
    await change(desk, key)
    assert len(office.audit.changes) > done


async def test_an_archive_with_limits(office: FakeOffice, desk: Administration) -> None:
    """Taken in only where they can be counted; those that are there already do not matter."""
    key = await _prepared(desk)
    stored = await desk.keys.get(key)
    transfer = TransferRegistry(
        office.models,
        office.projects,
        office.keys,
        office.clock,
        (office.audit, Actor("cli:alice")),
        office.counting,
    )
    office.counting.reason = FAULT
    other = replace(stored, id="key_2", digest=b"\x02" * 32)
    archives = [
        Archive(models=[document(limits=MORE)]),
        Archive(projects=[{"id": "z", "limits": LIMITS}]),
        Archive(keys=[other]),
    ]
    for archive in archives:
        with pytest.raises(LimitsNeedRedis):
            await transfer.carry_out(await transfer.plan(archive, prune=False))
    same = Archive(
        [document(limits=LIMITS, name="N")],
        [{"id": "a", "limits": LIMITS}],
        [stored, replace(other, revoked_at=1.0)],
    )
    await transfer.carry_out(await transfer.plan(same, prune=False))
    office.counting.reason = None
    for archive in archives[:2]:  # the third is revoked now, which stays
        await transfer.carry_out(await transfer.plan(archive, prune=False))
