"""From documents to deployments: each is read and built once, until it or its secrets change."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.secrets import SecretKeeper
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import EMPTY
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Model
from llmproxy.domain.secret_reference import references_of

logger = logging.getLogger("llmproxy.registry")

READ_IN_ONE_GO: Final = 20
"""Documents read before other work gets a turn: a reload of thousands must not hold requests up."""

Build = Callable[[Model, int], Deployment]


@dataclass(frozen=True, slots=True)
class _Known:
    """A document that was read: its deployment, or what is wrong with it."""

    stored: StoredDocument
    deployment: Deployment | None
    problem: str | None
    references: frozenset[str]

    @property
    def waits(self) -> bool:
        """Whether it is a good document that cannot be used now."""
        return self.deployment is not None and self.deployment.not_ready is not None


class Deployments:
    """All documents with what became of them, in the order of the store."""

    def __init__(
        self, build: Build, environment: Mapping[str, str], secrets: SecretKeeper | None
    ) -> None:
        self._build = build
        self._environment = environment
        self._secrets = secrets
        self.all: tuple[Deployment, ...] = ()
        """Those that documents gave."""
        self.index = EMPTY
        self.documents: Mapping[str, StoredDocument] = {}
        """All documents that were read, by id."""
        self.problems: Mapping[str, str] = {}
        """Documents that are left out, with the reason."""
        self._known: dict[str, _Known] = {}
        self._changed: dict[str, StoredDocument] = {}
        self._gone: set[str] = set()

    @property
    def pending(self) -> bool:
        """Whether there is something to `renew`."""
        return bool(self._changed or self._gone)

    def note(self, changed: Iterable[StoredDocument], gone: Iterable[str]) -> None:
        """Take note of what is to be read anew or forgotten; it stays noted until that is done."""
        for stored in changed:
            self._changed[stored.id] = stored
            self._gone.discard(stored.id)
        for id_ in gone:
            self._changed.pop(id_, None)
            self._gone.add(id_)

    def note_stale(self, *, again: bool) -> None:
        """Take note of what must be built anew though its document is the same.

        Its secret has changed, or, when asked to try `again`, it is not ready.
        """
        changed = self._secrets.changed() if self._secrets is not None else frozenset[str]()
        if not again and not changed:
            return
        self.note(
            [
                each.stored
                for id_, each in self._known.items()
                if id_ not in self._changed
                and id_ not in self._gone
                and ((again and each.waits) or not changed.isdisjoint(each.references))
            ],
            (),
        )

    async def renew(self, order: tuple[str, ...]) -> None:
        """Read what is noted; `order` is that of all ids. Nothing is visible before all is read."""
        changed, gone = tuple(self._changed.values()), frozenset(self._gone)
        fresh: dict[str, _Known] = {}
        for number, stored in enumerate(changed, 1):
            fresh[stored.id] = self._read(stored)
            if number % READ_IN_ONE_GO == 0:
                await asyncio.sleep(0)
        await self._prepare(fresh.values())
        for number, (id_, known) in enumerate(fresh.items(), 1):
            fresh[id_] = self._built(known)
            if number % READ_IN_ONE_GO == 0:
                await asyncio.sleep(0)
        self._take(fresh, gone, order)
        self._changed = {
            id_: each for id_, each in self._changed.items() if each is not fresh[id_].stored
        }
        self._gone -= gone

    def _take(self, fresh: dict[str, _Known], gone: frozenset[str], order: tuple[str, ...]) -> None:
        """Take over what was read. Of ten thousand documents, one change is a few milliseconds."""
        before, index, touched = self._known, self.index, [*fresh, *gone]
        known = before | fresh
        documents = {**self.documents, **{id_: each.stored for id_, each in fresh.items()}}
        for id_ in gone:
            known.pop(id_, None)
            documents.pop(id_, None)
        if tuple(known) != order:
            known = {id_: known[id_] for id_ in order if id_ in known}
            documents = {id_: each.stored for id_, each in known.items()}
            before, index, touched = {}, EMPTY, [*known]
        self._known = known
        self.all = tuple(
            [each.deployment for each in known.values() if each.deployment is not None]
        )
        self.index = index.renewed(self.all, _built(before, touched), _built(known, touched))
        self.documents = documents
        problems = {id_: text for id_, text in self.problems.items() if id_ in known}
        for id_ in touched:
            problems.pop(id_, None)
            problem = known[id_].problem if id_ in known else None
            if problem is not None:
                problems[id_] = problem
        self.problems = problems

    async def _prepare(self, known: Iterable[_Known]) -> None:
        references = frozenset[str]().union(*(each.references for each in known))
        if self._secrets is not None and references:
            await self._secrets.prepare(references)

    def _read(self, stored: StoredDocument) -> _Known:
        try:
            model = parse_model(stored.document, environment=self._environment).model
        except DocumentError as error:
            logger.warning("document %s is left out: %s", stored.id, error)
            return _Known(stored, None, str(error), frozenset())
        # Not usable yet: the adapter is built when the secrets have been looked up.
        unbuilt = Deployment(model, None, None, "being built", int(stored.updated_at))
        return _Known(stored, unbuilt, None, references_of(model))

    def _built(self, known: _Known) -> _Known:
        if known.deployment is None:
            return known
        deployment = self._build(known.deployment.model, known.deployment.created)
        if deployment.not_ready is not None:
            logger.warning("model %s is not ready: %s", known.stored.id, deployment.not_ready)
        return replace(known, deployment=deployment)


def _built(known: Mapping[str, _Known], ids: Iterable[str]) -> list[Deployment]:
    found = (known[id_].deployment for id_ in ids if id_ in known)
    return [deployment for deployment in found if deployment is not None]
