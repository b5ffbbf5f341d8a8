"""Keeps the registry's snapshot in step with the store.

A look once a second, a new snapshot only when something changed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmproxy.application.interfaces.key_repository import KeyRepository
from llmproxy.application.interfaces.model_repository import ModelRepository, StoredModel
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry, Snapshot
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.model import Model

logger = logging.getLogger("llmproxy.registry")

LOOK_EVERY_S = 1.0
PARSE_IN_ONE_GO = 50
"""Documents read before other work gets a turn.

A reload of many thousands must not hold up requests.
"""

Build = Callable[[Model, int], Deployment]


@dataclass(frozen=True, slots=True)
class _Known:
    etag: str
    deployment: Deployment | None
    problem: str | None

    @property
    def waits(self) -> bool:
        """Whether it is a good document that cannot be used now."""
        return self.deployment is not None and self.deployment.not_ready is not None


class SnapshotKeeper:
    """Loads, then follows.

    A bad document is left out and named in `problems`; it never takes the good ones with it.
    """

    def __init__(
        self,
        models: ModelRepository,
        keys: KeyRepository,
        registry: Registry,
        build: Build,
        environment: Mapping[str, str],
    ) -> None:
        self._models = models
        self._keys = keys
        self._registry = registry
        self._build = build
        self._environment = environment
        self._known: dict[str, _Known] = {}
        self._versions: tuple[int, int] | None = None
        self._reconsidering = False
        self._task: asyncio.Task[None] | None = None

    @property
    def problems(self) -> dict[str, str]:
        """Documents that are left out, with the reason."""
        return {
            id_: known.problem for id_, known in self._known.items() if known.problem is not None
        }

    def reconsider(self) -> None:
        """Build the deployments that are not ready anew at the next look, at most a second later.

        For when what they have waited for may be there.
        """
        self._reconsidering = True

    async def start(self) -> None:
        """Load the first snapshot and follow the store from then on. Raises Unavailable."""
        await self.look()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except Unavailable as error:
                logger.warning("the store is away, the last snapshot stays: %s", error)
            except Exception:
                logger.exception("the snapshot could not be renewed, the last one stays")

    async def look(self) -> None:
        """Install a new snapshot if the store has changed."""
        versions = (await self._models.version(), await self._keys.version())
        if versions == self._versions and not self._reconsidering:
            return
        # What is asked for while this one reads is left for the next; so is what it fails to do.
        again, self._reconsidering = self._reconsidering, False
        try:
            await self._renew(again=again)
        except BaseException:
            self._reconsidering = self._reconsidering or again
            raise
        self._versions = versions

    async def _renew(self, *, again: bool) -> None:
        keys = await self._keys.load_all()
        deployments = await self._read(await self._models.load_all(), again=again)
        live = {key.digest: key.caller() for key in keys if key.revoked_at is None}
        self._registry.install(Snapshot(deployments, live, open_to_all=not keys))

    async def _read(self, stored: list[StoredModel], *, again: bool) -> tuple[Deployment, ...]:
        known: dict[str, _Known] = {}
        for number, each in enumerate(stored):
            if number % PARSE_IN_ONE_GO == PARSE_IN_ONE_GO - 1:
                await asyncio.sleep(0)
            old = self._known.get(each.id)
            stays = old is not None and old.etag == each.etag and not (again and old.waits)
            known[each.id] = old if old is not None and stays else self._parse(each)
        self._known = known
        return tuple(each.deployment for each in known.values() if each.deployment is not None)

    def _parse(self, stored: StoredModel) -> _Known:
        try:
            model = parse_model(stored.document, environment=self._environment).model
        except DocumentError as error:
            logger.warning("document %s is left out: %s", stored.id, error)
            return _Known(stored.etag, None, str(error))
        deployment = self._build(model, int(stored.updated_at))
        if deployment.not_ready is not None:
            logger.warning("model %s is not ready: %s", stored.id, deployment.not_ready)
        return _Known(stored.etag, deployment, None)
