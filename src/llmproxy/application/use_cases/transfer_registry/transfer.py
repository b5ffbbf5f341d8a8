"""Taking an archive into a store: first what would be done, then doing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from llmproxy.application.interfaces import audit as record
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.counting import Counting
from llmproxy.application.interfaces.document_repository import (
    DocumentRepository,
    ReadOnlyError,
)
from llmproxy.application.interfaces.key_repository import (
    KeyChangedError,
    KeyExistsError,
    KeyMissingError,
    KeyRepository,
    StoredKey,
)
from llmproxy.application.steps.change_limits import makes_limits, refuse_limits
from llmproxy.application.use_cases.transfer_registry.archive import Archive
from llmproxy.application.use_cases.transfer_registry.difference import FieldChange, differences
from llmproxy.domain.errors import EtagMismatch, InvalidRequest, ReadOnly
from llmproxy.domain.masking import masked

_AUDITED: Final = {"added": "created", "changed": "replaced", "removed": "removed"}


class Deed(StrEnum):
    """What is done with one item."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"
    """It is not in the archive, and stays."""


class Step(NamedTuple):
    """One item. Values of `fields` are masked where they could be secrets."""

    kind: str
    """`model`, `project` or `key`."""
    id: str
    deed: Deed
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, in the order in which they are taken, and what they need."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    documents: Mapping[str, Sequence[Mapping[str, object]]]
    """By kind, those to put."""
    before: Mapping[tuple[str, str], Mapping[str, object]]
    new_keys: Sequence[StoredKey]
    changed_keys: Sequence[tuple[StoredKey, StoredKey]]
    """Before and after."""


class TransferRegistry:
    """Takes an archive in. Twice is as good as once; nothing is removed without being asked to."""

    def __init__(
        self,
        models: DocumentRepository,
        projects: DocumentRepository,
        keys: KeyRepository,
        clock: Clock,
        tell: tuple[record.Audit, record.Actor],
        counting: Counting | None = None,
    ) -> None:
        self._documents = {"project": projects, "model": models}
        self._keys = keys
        self._clock = clock
        self._audit, self._actor = tell
        self._counting = counting

    async def plan(self, archive: Archive, *, prune: bool) -> Plan:
        """Return what would be done. Raises InvalidRequest for a key that is another's here."""
        parts = {"project": archive.projects, "model": archive.models}
        steps: list[Step] = []
        put: dict[str, list[Mapping[str, object]]] = {}
        before: dict[tuple[str, str], Mapping[str, object]] = {}
        for kind, documents in parts.items():
            if documents is None:
                continue
            present = {each.id: each.document for each in await self._documents[kind].load_all()}
            before |= {(kind, each): document for each, document in present.items()}
            found = _document_steps(kind, present, documents, prune=prune)
            steps += found
            told = {step.id for step in found if step.deed in (Deed.ADDED, Deed.CHANGED)}
            put[kind] = [document for document in documents if document["id"] in told]
        keys = _Keys(await self._keys.load_all()) if archive.keys is not None else _Keys([])
        for key in archive.keys or ():
            steps.append(keys.step(key))
        rest = keys.rest({key.id for key in archive.keys or ()})
        steps += rest
        notes: tuple[str, ...] = ()
        if rest and prune:
            notes = (f"{len(rest)} keys are not in the archive and stay: keys are only revoked",)
        return Plan(tuple(steps), notes, put, before, keys.new, keys.changed)

    async def carry_out(self, plan: Plan) -> None:
        """Do it: projects first, since they may be suspended; what is removed comes last.

        Raises LimitsNeedRedis (nothing is done), Unavailable (some of it may be done; doing it
        again is fine), ReadOnly, or EtagMismatch when somebody else is changing the same.
        """
        if self._counting is not None and _makes_limits(plan):
            refuse_limits(self._counting)
        try:
            for kind, documents in plan.documents.items():
                if documents:
                    await self._documents[kind].put_all(documents, at=self._clock.now())
                    self._record_documents(plan, kind, documents)
            await self._carry_keys(plan)
            await self._remove(plan)
        except ReadOnlyError as error:
            raise ReadOnly(str(error)) from error
        except (KeyExistsError, KeyChangedError, KeyMissingError) as error:
            raise EtagMismatch(
                "The keys of this store have been changed meanwhile.", hint="Do it again."
            ) from error

    async def _carry_keys(self, plan: Plan) -> None:
        for key in plan.new_keys:
            await self._keys.add(key)
            self._tell("key.created", key.id, None, key.shown())
        for before, after in plan.changed_keys:
            await self._keys.update(after, expected=before)
            self._tell("key.changed", after.id, before.shown(), after.shown())

    async def _remove(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.deed is Deed.REMOVED:
                await self._documents[step.kind].delete(step.id)
                before = plan.before[step.kind, step.id]
                self._tell(f"{step.kind}.removed", step.id, masked(before), None)

    def _record_documents(
        self, plan: Plan, kind: str, documents: Sequence[Mapping[str, object]]
    ) -> None:
        for document in documents:
            identifier = str(document["id"])
            before = plan.before.get((kind, identifier))
            what = _AUDITED["added" if before is None else "changed"]
            old = None if before is None else masked(before)
            self._tell(f"{kind}.{what}", identifier, old, masked(document))

    def _tell(
        self,
        what: str,
        subject: str,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
    ) -> None:
        self._audit.record(record.Change(self._actor, what, subject, before, after))


def _document_steps(
    kind: str,
    present: Mapping[str, Mapping[str, object]],
    documents: Sequence[Mapping[str, object]],
    *,
    prune: bool,
) -> list[Step]:
    steps: list[Step] = []
    for document in documents:
        identifier = str(document["id"])
        before = present.get(identifier)
        if before is None:
            steps.append(Step(kind, identifier, Deed.ADDED))
            continue
        changed = [*differences(before, document)]
        shown = tuple(differences(masked(before), masked(document)))
        steps.append(Step(kind, identifier, Deed.CHANGED if changed else Deed.UNCHANGED, shown))
    wanted = {str(document["id"]) for document in documents}
    deed = Deed.REMOVED if prune else Deed.KEPT
    return steps + [Step(kind, each, deed) for each in present if each not in wanted]


def _makes_limits(plan: Plan) -> bool:
    pairs = [
        (document, plan.before.get((kind, str(document["id"]))))
        for kind, documents in plan.documents.items()
        for document in documents
    ]
    pairs += [(key.shown(), None) for key in plan.new_keys if key.revoked_at is None]
    pairs += [(after.shown(), before.shown()) for before, after in plan.changed_keys]
    return any(makes_limits(after, before) for after, before in pairs)


class _Keys:
    """Compares the keys of an archive with those of a store."""

    def __init__(self, present: Sequence[StoredKey]) -> None:
        self._present = {key.id: key for key in present}
        self._owners = {key.digest: key.id for key in present}
        self.new: list[StoredKey] = []
        self.changed: list[tuple[StoredKey, StoredKey]] = []

    def step(self, key: StoredKey) -> Step:
        present = self._present.get(key.id)
        owner = self._owners.get(key.digest, key.id)
        if owner != key.id or (present is not None and present.digest != key.digest):
            raise InvalidRequest(
                f"The key {key.id} of the archive is another one in this store.",
                param="keys",
                hint="Nothing was changed.",
            )
        if present is None:
            self.new.append(key)
            return Step("key", key.id, Deed.ADDED)
        wanted = replace(key, revoked_at=_earlier(present.revoked_at, key.revoked_at))
        fields = tuple(differences(present.shown(), wanted.shown()))
        if fields:
            self.changed.append((present, wanted))
        return Step("key", key.id, Deed.CHANGED if fields else Deed.UNCHANGED, fields)

    def rest(self, wanted: set[str]) -> list[Step]:
        return [Step("key", each, Deed.KEPT) for each in self._present if each not in wanted]


def _earlier(one: float | None, other: float | None) -> float | None:
    """Return the earlier time: a key that is revoked stays so, whatever a backup says."""
    times = [each for each in (one, other) if each is not None]
    return min(times) if times else None
