"""Documents of models, one partition per provider, or of projects, all in one partition."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    DocumentExistsError,
    DocumentMissingError,
    DocumentRepository,
    StoredDocument,
)
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.shelf import Copy, Shelf, same

_TRIES: Final = 5
"""How often a change begins anew because somebody else changed the same document meanwhile."""
_AT_ONCE: Final = 8
_LOOK_UP_EACH: Final = 8
"""Up to so many documents are looked up one by one, more of them by reading everything."""
_STEP_S: Final = 1e-6

Document = Mapping[str, object]


class CosmosDocumentRepository(DocumentRepository):
    """Shares its account with other repositories; closing it closes the account."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._last_registered = 0.0

    @override
    async def load_all(self) -> list[StoredDocument]:
        return [copy.stored() for copy in sorted(_newest(await self._shelf.all()), key=_order)]

    @override
    async def get(self, document_id: str) -> StoredDocument | None:
        live = _live(await self._shelf.copies(document_id))
        return live[0].stored() if live else None

    @override
    async def create(self, document: Document, *, at: float) -> StoredDocument:
        copies = await self._shelf.copies(_id(document))
        if _live(copies):
            raise _exists(document)
        try:
            return (await self._add(document, copies, self._stamp(at))).stored()
        except Collided as error:
            raise _exists(document) from error

    @override
    async def replace(self, document: Document, *, at: float, etag: str) -> StoredDocument:
        copies = await self._shelf.copies(_id(document))
        live = _live(copies)
        if not live:
            raise DocumentMissingError(f"there is no document {_id(document)}")
        if live[0].etag != etag:
            raise _changed(document)
        try:
            return (await self._change(document, live[0], copies)).stored()
        except Collided as error:
            raise _changed(document) from error

    @override
    async def put_all(self, documents: Sequence[Document], *, at: float) -> list[Change]:
        for document in documents:
            self._shelf.item(document, at)
        stamps = [self._stamp(at) for _ in documents]
        known = await self._known(documents)
        if len({_id(document) for document in documents}) < len(documents):
            # The same id twice: one after the other, each against what the one before has left.
            return [
                await self._put(document, None, stamp)
                for document, stamp in zip(documents, stamps, strict=True)
            ]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(document: Document, stamp: float) -> Change:
            async with turns:
                return await self._put(document, known.get(_id(document), []), stamp)

        # All are waited for, so that nothing is still being written when a failure is told.
        outcomes = await asyncio.gather(*map(in_turn, documents, stamps), return_exceptions=True)
        changes: list[Change] = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            changes.append(outcome)
        return changes

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        for _ in range(_TRIES):
            live = _live(await self._shelf.copies(document_id))
            if not live:
                return False
            if etag is not None and live[0].etag != etag:
                raise DocumentChangedError(f"document {document_id} has changed")
            # The newest last: until it is gone an older one must not come to light.
            if await self._bury(reversed(live)):
                return True
        raise _restless(document_id)

    @override
    async def close(self) -> None:
        await self._shelf.account.close()

    async def _known(self, documents: Sequence[Document]) -> dict[str, list[Copy]]:
        known: dict[str, list[Copy]] = {}
        if len(documents) <= _LOOK_UP_EACH:
            for document in documents:
                known[_id(document)] = await self._shelf.copies(_id(document))
            return known
        for copy in sorted(await self._shelf.all(), key=lambda each: each.age, reverse=True):
            known.setdefault(copy.id, []).append(copy)
        return known

    async def _put(self, document: Document, copies: list[Copy] | None, stamp: float) -> Change:
        for _ in range(_TRIES):
            if copies is None:
                copies = await self._shelf.copies(_id(document))
            live = _live(copies)
            if live and same(live[0].document, document):
                return Change.UNCHANGED
            try:
                if live:
                    await self._change(document, live[0], copies)
                    return Change.CHANGED
                await self._add(document, copies, stamp)
            except Collided:
                copies = None
            else:
                return Change.ADDED
        raise _restless(_id(document))

    async def _add(self, document: Document, copies: list[Copy], registered_at: float) -> Copy:
        """Write a document of which no live copy is known, over a tombstone if there is one."""
        item = self._shelf.item(document, registered_at)
        partition = self._shelf.partition(document)
        there = [copy for copy in copies if copy.partition == partition]
        try:
            if there:
                return await self._shelf.replace(item, there[0].etag)
            return await self._shelf.create(item)
        except Collided:
            return await self._done_already(document, registered_at)

    async def _change(self, document: Document, old: Copy, copies: list[Copy]) -> Copy:
        """Write a document in place of a copy, which may stand in another partition."""
        if old.partition == self._shelf.partition(document):
            item = self._shelf.item(document, old.registered_at)
            try:
                return await self._shelf.replace(item, old.etag)
            except Collided:
                return await self._done_already(document, old.registered_at)
        # An item cannot change its partition. The new one comes first: readers may see both for a
        # moment, of which the newer counts, but never none.
        new = await self._add(document, copies, old.registered_at)
        if not await self._bury([old]):
            # Somebody has changed the old one meanwhile: that stands, and this never was.
            await self._bury([new])
            raise Collided
        return new

    async def _done_already(self, document: Document, registered_at: float) -> Copy:
        """Return the copy that an earlier try of this very write has left. Raises Collided.

        A write whose answer was lost (408, 500, a connection that broke) is sent again, by the SDK
        or here, and then meets itself.
        """
        partition = self._shelf.partition(document)
        for copy in _live(await self._shelf.copies(_id(document))):
            itself = copy.partition == partition and copy.registered_at == registered_at
            if itself and same(copy.document, document):
                return copy
        raise Collided

    async def _bury(self, copies: Iterable[Copy]) -> bool:
        """Put tombstones in place of these; False when one is not as it was."""
        for copy in copies:
            try:
                await self._shelf.replace(self._shelf.tombstone(copy), copy.etag)
            except Collided:
                after = await self._shelf.copies(copy.id)
                if any(each.partition == copy.partition for each in _live(after)):
                    return False
        return True

    def _stamp(self, at: float) -> float:
        """Return when a document was registered: no two of this process at the same time."""
        self._last_registered = max(at, self._last_registered + _STEP_S)
        return self._last_registered


def _newest(copies: list[Copy]) -> list[Copy]:
    newest: dict[str, Copy] = {}
    for copy in sorted(_live(copies), key=lambda each: each.age):
        newest[copy.id] = copy
    return list(newest.values())


def _live(copies: list[Copy]) -> list[Copy]:
    return [copy for copy in copies if not copy.deleted]


def _order(copy: Copy) -> tuple[float, str]:
    return copy.order


def _id(document: Document) -> str:
    return str(document["id"])


def _exists(document: Document) -> DocumentExistsError:
    return DocumentExistsError(f"there is a document {_id(document)} already")


def _changed(document: Document) -> DocumentChangedError:
    return DocumentChangedError(f"document {_id(document)} has changed")


def _restless(document_id: str) -> Unavailable:
    return Unavailable(
        "The store cannot be changed at the moment.",
        retry_after_s=1.0,
        detail=f"document {document_id} changed again and again while it was to be written",
    )
