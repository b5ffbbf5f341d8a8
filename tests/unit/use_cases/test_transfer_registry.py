"""Taking an archive into a store."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.use_cases.transfer_registry.archive import (
    Archive,
    ArchiveError,
    read_archive,
)
from llmproxy.application.use_cases.transfer_registry.difference import FieldChange, differences
from llmproxy.application.use_cases.transfer_registry.transfer import (
    Deed,
    Plan,
    TransferRegistry,
)
from llmproxy.domain.errors import EtagMismatch, InvalidRequest
from llmproxy.infra.database.memory import MemoryDocumentRepository, MemoryKeyRepository
from tests.fakes.audit import FakeAudit
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document

KEY = StoredKey(
    id="key_1",
    digest=b"\x01" * 32,
    prefix="sk-llmproxy-abcd",
    project="a",
    models=frozenset({"mini"}),
    admin=False,
    created_at=10.0,
    expires_at=20.0,
)
ARCHIVE = Archive([document()], [{"id": "a", "name": "Team A"}], [KEY])


class World:
    """A store in memory, and what takes archives into it."""

    def __init__(self) -> None:
        self.models = MemoryDocumentRepository()
        self.projects = MemoryDocumentRepository()
        self.keys = MemoryKeyRepository()
        self.audit = FakeAudit()
        self.transfer = TransferRegistry(
            self.models, self.projects, self.keys, FakeClock(), (self.audit, Actor("cli:test"))
        )

    async def take(self, archive: Archive, *, prune: bool = False) -> Plan:
        """Plan and carry out."""
        plan = await self.transfer.plan(archive, prune=prune)
        await self.transfer.carry_out(plan)
        return plan

    async def content(self) -> Archive:
        """What the store holds."""
        return Archive(
            [each.document for each in await self.models.load_all()],
            [each.document for each in await self.projects.load_all()],
            await self.keys.load_all(),
        )


def deeds(plan: Plan) -> list[tuple[str, str, Deed]]:
    """The steps without their fields."""
    return [(step.kind, step.id, step.deed) for step in plan.steps]


@pytest.mark.asyncio
async def test_everything_arrives_and_twice_is_as_good_as_once() -> None:
    """The second time nothing is written or recorded."""
    world = World()

    first = await world.take(ARCHIVE)
    recorded = list(world.audit.words)
    second = await world.take(ARCHIVE)

    assert await world.content() == ARCHIVE
    assert {step.deed for step in first.steps} == {Deed.ADDED}
    assert {step.deed for step in second.steps} == {Deed.UNCHANGED}
    assert recorded == [
        ("project.created", "a"),
        ("model.created", "gpt-mini"),
        ("key.created", "key_1"),
    ]
    assert world.audit.words == recorded


@pytest.mark.asyncio
async def test_a_plan_changes_nothing() -> None:
    """It names what would change by its fields."""
    world = World()
    await world.take(ARCHIVE)
    changed = document(name="New", parameters={"model": "gpt-5-mini", "timeout": 5}, costs=None)

    plan = await world.transfer.plan(Archive([changed]), prune=False)

    assert deeds(plan) == [("model", "gpt-mini", Deed.CHANGED)]
    assert plan.steps[0].fields == (
        FieldChange("name", '"GPT mini"', '"New"'),
        FieldChange("parameters.timeout", None, "5"),
        FieldChange("costs", '{"input": 0.001, "output": 0.002}', None),
    )
    assert await world.content() == ARCHIVE


@pytest.mark.asyncio
async def test_nothing_is_removed_without_being_asked_to() -> None:
    """With `prune` documents go; keys stay, and that is told. Absent parts are not touched."""
    world = World()
    await world.take(ARCHIVE)

    kept = await world.take(Archive([], [], []))
    assert {step.deed for step in kept.steps} == {Deed.KEPT}
    untouched = await world.take(Archive(), prune=True)
    assert untouched.steps == ()
    pruned = await world.take(Archive([], [], []), prune=True)

    assert deeds(pruned) == [
        ("project", "a", Deed.REMOVED),
        ("model", "gpt-mini", Deed.REMOVED),
        ("key", "key_1", Deed.KEPT),
    ]
    assert "1 keys are not in the archive and stay" in pruned.notes[0]
    assert await world.content() == Archive([], [], [KEY])
    assert world.audit.words[-2:] == [("project.removed", "a"), ("model.removed", "gpt-mini")]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("here", "there", "after"),
    [(None, 15.0, 15.0), (15.0, None, 15.0), (12.0, 15.0, 12.0), (15.0, 12.0, 12.0)],
)
async def test_a_revoked_key_stays_revoked(
    here: float | None, there: float | None, after: float
) -> None:
    """Whatever a backup says; the earlier time counts."""
    world = World()
    await world.keys.add(replace(KEY, revoked_at=here))

    await world.take(Archive(keys=[replace(KEY, revoked_at=there)]))

    assert (await world.content()).keys == [replace(KEY, revoked_at=after)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "other", [replace(KEY, digest=b"\x02" * 32), replace(KEY, id="key_2")], ids=["id", "digest"]
)
async def test_a_key_that_is_another_here(other: StoredKey) -> None:
    """Nothing at all is done: somebody's access would change."""
    world = World()
    await world.keys.add(other)

    with pytest.raises(InvalidRequest, match="key_1"):
        await world.transfer.plan(ARCHIVE, prune=False)
    assert await world.content() == Archive([], [], [other])


@pytest.mark.asyncio
async def test_somebody_else_is_faster() -> None:
    """A key that changes between plan and deed is not overwritten."""
    world = World()
    await world.keys.add(KEY)
    plan = await world.transfer.plan(Archive(keys=[replace(KEY, expires_at=None)]), prune=False)
    await world.keys.revoke("key_1", 11.0)

    with pytest.raises(EtagMismatch):
        await world.transfer.carry_out(plan)
    assert (await world.content()).keys == [replace(KEY, revoked_at=11.0)]


@pytest.mark.asyncio
async def test_no_digest_and_no_secret_is_recorded_or_shown() -> None:
    """Of a key its plain fields, of a document what is masked."""
    world = World()
    planted = "sk-planted-0123456789abcdef"
    await world.take(Archive([document()], keys=[KEY]))
    plan = await world.take(
        Archive([document(extra={"api_key": planted})], keys=[replace(KEY, expires_at=30.0)])
    )

    told = f"{plan.steps} {world.audit.changes}"
    assert "expires_at" in told
    assert planted not in told
    assert KEY.digest.hex() not in told


def test_an_archive_is_read_as_it_was_written() -> None:
    """Also without keys."""
    assert read_archive(ARCHIVE.plain()) == ARCHIVE
    without = Archive(ARCHIVE.models, ARCHIVE.projects)
    assert "keys" not in without.plain()
    assert read_archive(without.plain()) == without


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "another"}, 'format: must be "llmproxy registry"'),
        ({"version": 2}, "version: must be 1"),
        ({"teams": []}, "teams: is not known"),
        ({"models": {}}, "models: must be an array"),
        ({"models": [1]}, r"models\[0\]: must be an object"),
        ({"models": [{"name": "x"}]}, r"models\[0\].id: is required"),
        ({"projects": [{"id": "a"}, {"id": "a"}]}, "a stands twice"),
        ({"keys": [{"id": "k", "created_at": 1}]}, r"keys\[0\].digest: is required"),
        ({"keys": [{"id": "k", "created_at": 1, "digest": "xy"}]}, "must be 64 hex digits"),
        ({"keys": [{"id": "k", "created_at": 1, "digest": "0" * 64, "key": 1}]}, "key: is not"),
        ({"keys": [{"id": "k", "created_at": "x", "digest": "0" * 64}]}, "created_at: must be"),
        (
            {"keys": [{"id": each, "created_at": 1, "digest": "0" * 64} for each in "kl"]},
            r"keys\[1\].digest: stands twice",
        ),
    ],
)
def test_what_is_no_archive(changes: dict[str, object], message: str) -> None:
    """It is refused as a whole, naming the place."""
    with pytest.raises(ArchiveError, match=message):
        read_archive(ARCHIVE.plain() | changes)


@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_what_is_something_else(value: object) -> None:
    """A folder of documents, for example."""
    with pytest.raises(ArchiveError, match="format"):
        read_archive(value)


def test_differences_enter_objects_and_keep_arrays_whole() -> None:
    """1 and true are not the same, nor are 1 and 1.0; the order of fields is nothing."""
    before = {"a": {"b": 1, "c": [1]}, "d": 1, "e": True}
    after = {"e": 1, "a": {"c": [1, 2], "b": 1}}
    assert list(differences(before, after)) == [
        FieldChange("e", "true", "1"),
        FieldChange("a.c", "[1]", "[1, 2]"),
        FieldChange("d", "1", None),
    ]
    assert list(differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == []
