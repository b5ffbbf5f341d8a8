"""Changing documents: checked, against the etag that the caller knows, with an audit line each."""

import json
from asyncio import CancelledError, sleep
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from llmproxy.application.interfaces import audit as record
from llmproxy.application.interfaces.administration import Document, Kept, Put
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    DocumentExistsError,
    DocumentMissingError,
    DocumentRepository,
    ReadOnlyError,
    StoredDocument,
)
from llmproxy.domain.errors import (
    AlreadyExists,
    EtagMismatch,
    InvalidRequest,
    ReadOnly,
    Unavailable,
    UnknownItem,
)
from llmproxy.domain.masking import mask_places, masked
from llmproxy.domain.merge_patch import merge_patch
from llmproxy.domain.problem import Problem

Item = TypeVar("Item")
Check = Callable[[Document], tuple[str, ...]]
TRIES: Final = 5
"""How often a change without an etag is tried again when somebody else was faster."""
AT_ONCE: Final = 20
"""How many documents are read, compared or recorded before other requests get a turn."""
MAX_PROBLEMS: Final = 100
"""How many are put into one message; the rest are counted."""


class ChangeDocuments:
    """Documents of one kind. `kind` names them for people and the audit: `model`, `project`."""

    def __init__(
        self,
        kind: str,
        documents: DocumentRepository,
        clock: Clock,
        audit: record.Audit,
        actor: record.Actor,
    ) -> None:
        self._kind = kind
        self._documents = documents
        self._clock = clock
        self._audit = audit
        self._actor = actor

    async def get(self, document_id: str) -> StoredDocument:
        """Return one document. Raises UnknownItem."""
        stored = await self._documents.get(document_id)
        if stored is None:
            raise self._unknown(document_id)
        return stored

    async def create(self, document: Document, check: Check) -> Kept:
        """Keep a new document, which the check lets pass or refuses. Raises AlreadyExists."""
        warnings = check(document)
        document_id = str(document["id"])
        with self._writing("created", document_id, None, document):
            stored = await self._documents.create(document, at=self._clock.now())
        return Kept(stored, warnings)

    async def change(
        self,
        document_id: str,
        what: str,
        changed: Callable[[Document], Document],
        check: Check,
        *,
        etag: str | None,
    ) -> Kept:
        """Keep what `changed` makes of the present document.

        Without an etag it is made anew of what somebody else has put meanwhile. A document that
        stays what it is is not written. Raises UnknownItem or EtagMismatch.
        """
        for _ in range(TRIES):
            present = await self.get(document_id)
            if etag is not None and present.etag != etag:
                raise self._mismatch(document_id)
            document = changed(present.document)
            warnings = check(document)
            if same(document, present.document):
                return Kept(present, warnings)
            try:
                with self._writing(what, document_id, present.document, document):
                    stored = await self._documents.replace(
                        document, at=self._clock.now(), etag=present.etag
                    )
            except EtagMismatch:
                continue
            return Kept(stored, warnings)
        raise self._mismatch(document_id)

    async def patch(
        self, document_id: str, patch: Document, check: Check, etag: str | None
    ) -> Kept:
        """Change fields. Raises UnknownItem, EtagMismatch, or InvalidRequest for another id."""
        return await self.change(
            document_id, "patched", lambda present: patched(present, patch), check, etag=etag
        )

    async def put_all(
        self, documents: Sequence[Document], warnings: Sequence[tuple[str, ...]], *, dry_run: bool
    ) -> list[Put]:
        """Keep documents that are checked already; `warnings` are what the checks said of each."""
        present = {each.id: each.document for each in await self._documents.load_all()}
        before = [present.get(str(document["id"])) for document in documents]
        pairs = zip(before, documents, strict=True)
        changes = [_difference(*pair) async for pair in unhurried(pairs)]
        if not dry_run and documents:
            changes = await self._put(documents, before, changes)
        return [
            Put(str(document["id"]), change, old, said)
            for document, change, old, said in zip(
                documents, changes, before, warnings, strict=True
            )
        ]

    async def _put(
        self,
        documents: Sequence[Document],
        before: Sequence[Document | None],
        expected: Sequence[Change],
    ) -> list[Change]:
        try:
            with self._words():
                changes = await self._documents.put_all(documents, at=self._clock.now())
        except (Unavailable, CancelledError):
            await self._record_all("unconfirmed", documents, before, expected)
            raise
        await self._record_all("", documents, before, changes)
        return changes

    async def _record_all(
        self,
        what: str,
        documents: Sequence[Document],
        before: Sequence[Document | None],
        changes: Sequence[Change],
    ) -> None:
        async for document, old, change in unhurried(zip(documents, before, changes, strict=True)):
            if change is not Change.UNCHANGED:
                did = "created" if change is Change.ADDED else "replaced"
                self._record(what or did, str(document["id"]), old, document)

    async def remove(self, document_id: str, *, etag: str | None) -> None:
        """Forget a document. Raises UnknownItem or EtagMismatch."""
        for _ in range(TRIES):
            present = await self.get(document_id)
            if etag is not None and present.etag != etag:
                raise self._mismatch(document_id)
            try:
                with self._writing("removed", document_id, present.document, None):
                    if not await self._documents.delete(document_id, etag=present.etag):
                        raise self._unknown(document_id)
            except EtagMismatch:
                continue
            return
        raise self._mismatch(document_id)

    @contextmanager
    def _writing(
        self, what: str, document_id: str, before: Document | None, after: Document | None
    ) -> Iterator[None]:
        """Record one change when it is done, and when nobody can tell whether it is."""
        try:
            with self._words(document_id):
                yield
        except (Unavailable, CancelledError):
            self._record("unconfirmed", document_id, before, after)
            raise
        self._record(what, document_id, before, after)

    @contextmanager
    def _words(self, document_id: str = "") -> Iterator[None]:
        """Put a repository's errors into the words of administration."""
        try:
            yield
        except DocumentExistsError as error:
            raise AlreadyExists(f"There is a {self._kind} `{document_id}` already.") from error
        except DocumentMissingError as error:
            raise self._unknown(document_id) from error
        except DocumentChangedError as error:
            raise self._mismatch(document_id) from error
        except ReadOnlyError as error:
            raise ReadOnly(str(error)) from error
        except ValueError as error:
            raise InvalidRequest(f"The document cannot be kept as JSON: {error}.") from error

    def _record(
        self, what: str, document_id: str, before: Document | None, after: Document | None
    ) -> None:
        shown = [None if each is None else masked(each) for each in (before, after)]
        self._audit.record(record.Change(self._actor, f"{self._kind}.{what}", document_id, *shown))

    def _unknown(self, document_id: str) -> UnknownItem:
        return UnknownItem(f"There is no {self._kind} with the id `{document_id[:300]}`.")

    def _mismatch(self, document_id: str) -> EtagMismatch:
        return EtagMismatch(
            f"The {self._kind} `{document_id}` has been changed since.",
            hint="Read it again and repeat the change.",
        )


async def unhurried(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Go through many items, and let everybody else have a turn now and then."""
    for number, item in enumerate(items, 1):
        yield item
        if number % AT_ONCE == 0:
            await sleep(0)


def patched(document: Document, patch: Document) -> Document:
    """Return the document with the patch applied. Raises InvalidRequest for another id."""
    merged = merge_patch(document, patch)
    if not isinstance(merged, Mapping) or merged.get("id") != document["id"]:
        raise InvalidRequest(
            "Invalid 'id': an id stays what it is.", param="id", code="invalid_value"
        )
    return merged


def same(one: Document, other: Document) -> bool:
    """Whether two documents are the same JSON, whatever the order of their fields."""
    return _canonical(one) == _canonical(other)


def _canonical(document: Document) -> str:
    return json.dumps(dict(document), sort_keys=True, ensure_ascii=False)


def _difference(before: Document | None, after: Document) -> Change:
    if before is None:
        return Change.ADDED
    return Change.UNCHANGED if same(before, after) else Change.CHANGED


def refuse_masks(document: object) -> tuple[Problem, ...]:
    """Return a problem for each value that is a mask: what was shown is not what is meant."""
    return tuple(
        Problem(place, "is the mask under which the value is shown", "leave the field to PATCH")
        for place in mask_places(document)
    )


def refusal(problems: Sequence[Problem], *, start: str = "Invalid document") -> InvalidRequest:
    """Return one error that names all problems, the first of them as its `param`."""
    texts = "; ".join(problem.text for problem in problems[:MAX_PROBLEMS])
    rest = len(problems) - MAX_PROBLEMS
    more = f"; and {rest} more" if rest > 0 else ""
    return InvalidRequest(
        f"{start}: {texts}{more}.", param=problems[0].field or None, code="invalid_document"
    )
