"""Models, as administrators change them."""

from collections.abc import Mapping, Sequence
from typing import Final

from llmproxy.application.interfaces.administration import (
    Document,
    Kept,
    ModelAdministration,
    Put,
)
from llmproxy.application.interfaces.audit import Actor, Audit
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import DocumentRepository, StoredDocument
from llmproxy.application.steps.change_documents import (
    ChangeDocuments,
    refusal,
    refuse_masks,
    unhurried,
)
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.problem import Problem

_DUPLICATE: Final = "stands in an earlier document too"


class AdministerModels(ModelAdministration):
    """Keeps model documents that `parse_model` accepts.

    `environment` resolves what documents leave to variables, so that the warnings are this
    process's.
    """

    def __init__(
        self,
        models: DocumentRepository,
        clock: Clock,
        audit: Audit,
        actor: Actor,
        environment: Mapping[str, str],
    ) -> None:
        self._models = models
        self._documents = ChangeDocuments("model", models, clock, audit, actor)
        self._environment = environment

    async def every(self) -> list[StoredDocument]:
        """Return all documents, those that cannot be used too."""
        return await self._models.load_all()

    async def get(self, model_id: str) -> StoredDocument:
        """Return one document. Raises UnknownItem."""
        return await self._documents.get(model_id)

    async def create(self, document: Document) -> Kept:
        """Keep a new document. Raises AlreadyExists."""
        return await self._documents.create(document, self._checked)

    async def replace(self, document: Document, *, etag: str | None) -> Kept:
        """Keep a document in place of the one with the same id. Raises UnknownItem."""
        self._checked(document)
        return await self._documents.change(
            str(document["id"]), "replaced", lambda _: document, self._checked, etag=etag
        )

    async def patch(self, model_id: str, patch: Document, *, etag: str | None) -> Kept:
        """Change fields of a document."""
        return await self._documents.patch(model_id, patch, self._checked, etag)

    async def put_all(self, documents: Sequence[Document], *, dry_run: bool) -> list[Put]:
        """Keep all of these or, naming all that is wrong, none."""
        problems: list[Problem] = []
        warnings: list[tuple[str, ...]] = []
        seen: set[object] = set()
        async for index, document in unhurried(enumerate(documents)):
            found, said = self._read(document)
            if not found:
                found = () if document["id"] not in seen else (Problem("id", _DUPLICATE),)
                seen.add(document["id"])
            problems += [_in_row(index, each) for each in found]
            warnings.append(said)
        if problems:
            raise refusal(problems, start="Nothing was kept")
        return await self._documents.put_all(documents, warnings, dry_run=dry_run)

    async def remove(self, model_id: str, *, etag: str | None) -> None:
        """Forget a document. Raises UnknownItem."""
        await self._documents.remove(model_id, etag=etag)

    def _checked(self, document: Document) -> tuple[str, ...]:
        problems, warnings = self._read(document)
        if problems:
            raise refusal(problems)
        return warnings

    def _read(self, document: object) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
        try:
            warnings = parse_model(document, environment=self._environment).warnings
        except DocumentError as error:
            return error.problems, ()
        return refuse_masks(document), warnings


def _in_row(index: int, problem: Problem) -> Problem:
    place = f"documents[{index}]"
    return problem._replace(field=f"{place}.{problem.field}" if problem.field else place)
