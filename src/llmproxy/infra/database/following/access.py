"""From keys and projects to callers, by the digest of the key."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.caller import Caller
from llmproxy.domain.fields import Fields, Findings
from llmproxy.domain.limit import read_limits
from llmproxy.domain.project import Project, ProjectError, parse_project
from llmproxy.infra.database.following.callers import Callers
from llmproxy.infra.database.following.mirror import Difference

logger = logging.getLogger("llmproxy.registry")

KEYS_IN_ONE_GO: Final = 1000
"""Keys looked at before other work gets a turn."""


class Access:
    """Callers of all keys that are not revoked; an expired one is refused when it is shown.

    `always` are callers that no store holds.
    """

    def __init__(self, always: Mapping[bytes, Caller]) -> None:
        self.always = always
        self.callers = Callers(always)
        self._digests: dict[str, bytes] = {}
        """By the id of the key, of all that are in `callers` because of the store."""
        self.projects: Mapping[str, Project] = {}
        self.problems: Mapping[str, str] = {}
        """Documents of projects that are not good, with the reason."""

    async def take(
        self,
        keys: Difference[StoredKey],
        projects: Difference[StoredDocument],
        all_keys: Mapping[str, StoredKey],
        all_projects: Mapping[str, StoredDocument],
    ) -> None:
        """Take over what has changed; `callers` are swapped in one step. One call at a time."""
        changed: Iterable[StoredKey] = keys.changed
        if projects:
            self._read(all_projects.values())
            concerned = projects.gone | {each.id for each in projects.changed}
            ids = {key.id for key in keys.changed}
            changed = [*changed, *await _of_projects(concerned, tuple(all_keys.values()), ids)]
        put: dict[bytes, Caller] = {}
        drop = [self._digests.pop(id_) for id_ in keys.gone if id_ in self._digests]
        for number, key in enumerate(changed, 1):
            if key.id in self._digests:
                drop.append(self._digests.pop(key.id))
            if key.revoked_at is None:
                put[key.digest] = self._caller(key)
                self._digests[key.id] = key.digest
            if number % KEYS_IN_ONE_GO == 0:
                await asyncio.sleep(0)
        if put or drop:
            self.callers = self.callers.changed({**put, **self.always}, drop)

    def _read(self, documents: Iterable[StoredDocument]) -> None:
        projects: dict[str, Project] = {}
        problems: dict[str, str] = {}
        for stored in documents:
            try:
                projects[stored.id] = parse_project(stored.document)
            except ProjectError as error:
                projects[stored.id] = left = _what_is_left(stored.id, error, stored.document)
                hint = "; its keys open nothing until it is mended" if left.suspended else ""
                problems[f"project {stored.id}"] = f"{error}{hint}"
                logger.warning("project %s: its document is not good: %s%s", stored.id, error, hint)
        self.projects = projects
        self.problems = problems

    def _caller(self, key: StoredKey) -> Caller:
        caller = key.caller()
        project = None if key.project is None else self.projects.get(key.project)
        if project is None or not (project.suspended or project.limits is not None):
            return caller
        return replace(caller, suspended=project.suspended, project_limits=project.limits)


def _what_is_left(id_: str, error: ProjectError, document: Mapping[str, object]) -> Project:
    """Return what a document that is not good still says of its keys.

    Whoever edits one in the store by hand and errs must not open more by that: where it cannot be
    read what the keys may use, they are locked.
    """
    unread = {problem.field.partition(".")[0] for problem in error.problems}
    locked = not unread.isdisjoint({"", "suspended", "limits"})
    limits = None if locked else read_limits(Fields(document, "", Findings()), "limits")
    suspended = locked or document.get("suspended") is True
    return Project(id_, id_, "", suspended, document, limits)


async def _of_projects(
    projects: frozenset[str], keys: tuple[StoredKey, ...], but: set[str]
) -> list[StoredKey]:
    """Pick the keys of these projects, but those with these ids."""
    found: list[StoredKey] = []
    for start in range(0, len(keys), KEYS_IN_ONE_GO):
        some = keys[start : start + KEYS_IN_ONE_GO]
        found += [key for key in some if (key.project or "") in projects and key.id not in but]
        await asyncio.sleep(0)
    return found
