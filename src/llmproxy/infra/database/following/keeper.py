"""Keeps the registry's snapshot in step with the store, and says how well it does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.feed import Feeds
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.interfaces.last_good import Held, LastGood
from llmproxy.application.interfaces.registry_state import RegistryState
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.following.access import Access
from llmproxy.infra.database.following.last_good import Saving
from llmproxy.infra.database.following.mirror import Difference, Mirror
from llmproxy.infra.database.following.models import Deployments

logger = logging.getLogger("llmproxy.registry")

TICK_S: Final = 0.5
"""How often is asked whether it is time to look."""
_NOBODY: Final[Mapping[bytes, Caller]] = {}


class Options(NamedTuple):
    """`always` are callers that no store holds, by the digest of their key.

    With `accept_empty` a store that holds nothing any more is believed.
    """

    last_good: LastGood | None = None
    accept_empty: bool = False
    always: Mapping[bytes, Caller] = _NOBODY


_PLAIN: Final = Options()


class SnapshotKeeper:
    """Loads, then follows.

    A bad document is left out and named in the snapshot's `problems`; it never takes the good ones
    with it. Secrets that change have the models built anew that use them. Keys are followed apart
    from models, so that a revoked one is out of use however long a reload of models takes.
    """

    def __init__(
        self,
        feeds: Feeds,
        registry: Registry,
        deployments: Deployments,
        clock: Clock,
        options: Options = _PLAIN,
    ) -> None:
        self._registry = registry
        self._deployments = deployments
        self._clock = clock
        self._last_good = options.last_good
        sure = options.accept_empty
        self._models = Mirror("models", feeds.models, _id_of, _etag_of, accept_empty=sure)
        self._keys = Mirror("keys", feeds.keys, _key_id_of, _itself, accept_empty=sure)
        self._projects = Mirror("projects", feeds.projects, _id_of, _etag_of, accept_empty=True)
        self._access = Access(options.always)
        self._faults: Mapping[str, str] = {}
        self._again = False
        self._saving = Saving(options.last_good)
        self._held_at: float | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> RegistryState:
        """How well the store is followed."""
        mirrors: tuple[Mirror[Any], ...] = (self._models, self._keys, self._projects)
        now = self._clock.monotonic()
        heard = all(each.loaded for each in mirrors)
        return RegistryState(
            away={each.kind: each.away for each in mirrors if each.away is not None},
            emptied=tuple(each.kind for each in mirrors if each.emptied),
            age_s=max((now - each.heard_at for each in mirrors if each.loaded), default=None),
            held_at=None if heard else self._held_at,
        )

    def reconsider(self) -> None:
        """Build the deployments that are not ready anew at the next look, at most a second later.

        For when what they have waited for may be there.
        """
        self._again = True

    async def start(self) -> None:
        """Load the first snapshot and follow the store from then on.

        Raises Unavailable when the store is away and no last good state is there either.
        """
        await self.look()
        follow = (self._follow(self._look_at_models), self._follow(self._look_at_access))
        self._tasks = [asyncio.create_task(each) for each in follow]

    async def stop(self) -> None:
        """Stop following, and keep what is known now."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._saving.due:
            self._saving.hurry()
            await self._saving.save(self._clock, self._held)

    async def look(self) -> None:
        """Ask the store now, and install what has changed. For the start and for tests.

        Raises Unavailable when there is nothing to serve from.
        """
        now = self._clock.monotonic()
        models, keys, projects = await asyncio.gather(
            self._models.look(now, at_once=True),
            self._keys.look(now, at_once=True),
            self._projects.look(now, at_once=True),
        )
        if not self._registry.loaded:
            models, keys, projects = await self._filled(models, keys, projects)
        await self._access.take(keys, projects, self._keys.items, self._projects.items)
        self._deployments.note(models.changed, models.gone)
        self._deployments.note_stale(again=self._again)
        await self._renew()
        self._install()

    async def _filled(
        self,
        models: Difference[StoredDocument],
        keys: Difference[StoredKey],
        projects: Difference[StoredDocument],
    ) -> tuple[Difference[StoredDocument], Difference[StoredKey], Difference[StoredDocument]]:
        """Fill in from the last good state what the store could not tell, or is not believed."""
        away = [each.away for each in (self._models, self._keys, self._projects) if each.away]
        if not away and not self._models.doubtful and not self._keys.doubtful:
            return models, keys, projects
        held = None if self._last_good is None else await self._last_good.load()
        if held is None:
            if away:
                raise Unavailable(away[0], retry_after_s=1.0)
            return models, keys, projects
        if away:
            self._held_at = held.saved_at
            logger.warning("serving from the last good state")
        if not self._models.loaded or self._models.doubtful:
            models = self._models.restore(held.models)
        if not self._keys.loaded or self._keys.doubtful:
            keys = self._keys.restore(held.keys)
        if not self._projects.loaded:
            projects = self._projects.restore(held.projects)
        return models, keys, projects

    async def _follow(self, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await look()
            except Exception:
                logger.exception("the snapshot could not be renewed, the last one stays")

    async def _look_at_models(self) -> None:
        difference = await self._models.look(self._clock.monotonic())
        self._deployments.note(difference.changed, difference.gone)
        self._deployments.note_stale(again=self._again)
        if self._deployments.pending or self._faults != self._models.faults:
            await self._renew()
            self._install()
        await self._saving.save(self._clock, self._held)

    async def _look_at_access(self) -> None:
        now = self._clock.monotonic()
        keys, projects = await asyncio.gather(self._keys.look(now), self._projects.look(now))
        if keys or projects:
            await self._access.take(keys, projects, self._keys.items, self._projects.items)
            self._install()
        if self._saving.due and (keys.gone or projects or any(map(_is_revoked, keys.changed))):
            self._saving.hurry()

    async def _renew(self) -> None:
        # What is asked for while this one reads is left for the next.
        self._again = False
        await self._deployments.renew(tuple(self._models.items))
        self._faults = self._models.faults

    def _install(self) -> None:
        deployments = self._deployments
        self._registry.install(
            Snapshot(
                deployments.all,
                self._access.callers,
                keyless=not self._keys.items and not self._access.always,
                documents=deployments.documents,
                problems={**self._faults, **self._access.problems, **deployments.problems},
                projects=self._access.projects,
                index=deployments.index,
            )
        )
        if self._held_at is None or all(
            each.loaded for each in (self._models, self._keys, self._projects)
        ):
            self._saving.due = True

    def _held(self) -> Held:
        return Held(
            self._clock.now(),
            tuple(self._models.items.values()),
            tuple(self._keys.items.values()),
            tuple(self._projects.items.values()),
        )


def _id_of(stored: StoredDocument) -> str:
    return stored.id


def _etag_of(stored: StoredDocument) -> str:
    return stored.etag


def _key_id_of(key: StoredKey) -> str:
    return key.id


def _is_revoked(key: StoredKey) -> bool:
    return key.revoked_at is not None


def _itself(key: StoredKey) -> StoredKey:
    return key
