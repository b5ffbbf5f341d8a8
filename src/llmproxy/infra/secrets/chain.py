"""The chain of secrets: the environment, then mounted files, then Azure Key Vault.

The first that has a secret wins. Values stay in memory and are looked up again and again: files
every 10 s, the vault every `refresh_s`. What cannot be reached changes nothing; a value is dropped
only when the place that it came from has said twice in a row that it is there no more.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.secrets import SecretKeeper, SecretMissing
from llmproxy.domain.secret import Secret
from llmproxy.infra.secrets.environment import OWN, EnvironmentSecrets, refuse_own
from llmproxy.infra.secrets.held import Held
from llmproxy.infra.secrets.places import Places
from llmproxy.infra.secrets.vault import VaultSecrets
from llmproxy.infra.wire.hiding import HIDDEN

logger = logging.getLogger("llmproxy.secrets")

FILES_EVERY_S: Final = 10.0
MAX_SHOWN: Final = 20
"""Secrets with a fault of their own that `states` names."""


class Bounds(NamedTuple):
    """What a chain holds and how long it holds others up."""

    max_references: int = 10_000
    first_prepare_s: float = 5.0
    prepare_s: float = 1.0
    """Longest that `prepare` takes, the first time and later: who waits for it also follows the
    revocation of keys. What was not found by then is looked for further, and told."""


BOUNDS: Final = Bounds()


class SecretChain(SecretKeeper):
    """Holds every secret that was ever asked for; `start` keeps them fresh until `close`.

    `refresh_s` is how often the vault is asked, in seconds. `resolve` may be called by any thread,
    all else on the event loop.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        folder: Path | None,
        vault: VaultSecrets | None,
        refresh_s: float,
        clock: Clock,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._environment = EnvironmentSecrets(environment)
        self._vault = vault
        self._refresh_s = refresh_s
        self._bounds = bounds
        self._patience_s = bounds.first_prepare_s
        for name in (*OWN, "AZURE_CLIENT_SECRET"):
            HIDDEN.add(Secret(environment.get(name, "").strip()))
        self._random = Random()  # noqa: S311 - it only spreads questions
        self._held: dict[str, Held] = {}
        self._changed: set[str] = set()
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._places = Places(folder, vault, clock, self._changed.add)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    # ----------------------------------------------------------------------------- what it is asked

    @override
    def resolve(self, reference: str) -> Secret:
        refuse_own(reference)
        try:
            secret = self._environment.resolve(reference)
        except SecretMissing as error:
            if not self._places.named:
                raise
            absent = str(error)
        else:
            HIDDEN.add(secret)
            return secret
        return self._resolved(reference, absent)

    def _resolved(self, reference: str, absent: str) -> Secret:
        held = self._held.get(reference)
        if held is None:
            self._want(reference)
            raise SecretMissing(f"{absent}, and is being looked for in {self._named}")
        held.told = True  # before it is read: whatever changes from now on is told
        secret = held.secret
        if secret is not None:
            HIDDEN.add(secret)
            return secret
        raise SecretMissing(absent + self._why(reference, held))

    def _why(self, reference: str, held: Held) -> str:
        if not held.looked:
            return f", and is being looked for in {self._named}"
        return f", and {held.fault}" if held.fault else self._places.missing(reference)

    @property
    def _named(self) -> str:
        return " and ".join(self._places.named)

    @override
    async def prepare(self, references: Collection[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._begin([each for each in references if each not in self._held])
        flights = {self._flights[each] for each in references if each in self._flights}
        if flights:
            await asyncio.wait(flights, timeout=self._patience_s)
        self._patience_s = self._bounds.prepare_s

    @override
    def changed(self) -> frozenset[str]:
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    @override
    def states(self) -> dict[str, str | None]:
        places = self._places
        states: dict[str, str | None] = {}
        if places.folder_is_there:
            states[places.files.name] = places.files.problem
        if places.has_vault:
            states[places.vault.name] = places.vault.problem
        # What concerns one secret only would else be seen by nobody while its old value works.
        alone = ((each, held) for each, held in self._held.items() if held.fault and held.alone)
        for reference, held in itertools.islice(alone, MAX_SHOWN):
            states[f"secret {reference}"] = held.fault
        return states

    # ----------------------------------------------------------------------------- its life

    def start(self) -> None:
        """Keep what is held fresh from now on; call it with an event loop running."""
        self._loop = asyncio.get_running_loop()
        if self._task is None:
            self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Look no more, and close the connections to the vault."""
        tasks = {*self._flights.values()} | ({self._task} if self._task is not None else set())
        self._task = self._loop = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._vault is not None:
            await self._vault.close()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        vault_at = loop.time() + self._refresh_s
        # A folder that was misnamed is told of at the start, even if nothing is asked of it.
        await self._look_again(ask_vault=False)
        while True:
            files_at = loop.time() + min(FILES_EVERY_S, self._refresh_s)
            if self._places.retry_at > loop.time():  # it was away: as soon as it may be back
                vault_at = min(vault_at, self._places.retry_at)
            await asyncio.sleep(max(min(files_at, vault_at) - loop.time(), 0.0))
            ask_vault = loop.time() >= vault_at
            if ask_vault:
                # Replicas that started together need not ask together.
                vault_at = loop.time() + self._refresh_s * self._random.uniform(0.8, 1.0)
            await self._look_again(ask_vault=ask_vault)

    async def _look_again(self, *, ask_vault: bool) -> None:
        try:
            await self.look(ask_vault=ask_vault)
        except Exception:
            logger.exception("secrets could not be looked up again, those that are loaded stay")

    async def look(self, *, ask_vault: bool) -> None:
        """Look up all that is held once more, in files and, if so told, in the vault."""
        settled = {each: held for each, held in self._held.items() if each not in self._flights}
        await self._places.look(settled, ask_vault=ask_vault)

    # ------------------------------------------------------------------------ what is not known yet

    def _want(self, reference: str) -> None:
        """Have a reference looked for; the caller may be a thread, and was told that it is not."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._wanted, reference)

    def _wanted(self, reference: str) -> None:
        held = self._held.get(reference)
        if held is None:
            self._begin([reference])
            held = self._held.get(reference)
        elif held.secret is not None:
            self._changed.add(reference)
        if held is not None:
            held.told = True

    def _begin(self, references: Collection[str]) -> None:
        """Look up references that are not held yet, all in one flight."""
        new: dict[str, Held] = {}
        for reference in references:
            if not self._is_settled(reference) and self._has_room():
                new[reference] = self._held[reference] = Held()
        if not new:
            return
        flight = asyncio.create_task(self._places.look(new, ask_vault=True))
        self._flights |= dict.fromkeys(new, flight)
        flight.add_done_callback(lambda done: self._landed(new, done))

    def _landed(self, references: Collection[str], flight: asyncio.Task[None]) -> None:
        for reference in references:
            self._flights.pop(reference, None)
        if not flight.cancelled() and flight.exception() is not None:
            logger.error("secrets could not be looked up", exc_info=flight.exception())

    def _is_settled(self, reference: str) -> bool:
        """Whether the environment has it, or nobody may have it."""
        try:
            refuse_own(reference)
        except SecretMissing:
            return True
        with contextlib.suppress(SecretMissing):
            self._environment.resolve(reference)
            return True
        return False

    def _has_room(self) -> bool:
        """Whether one more can be held; those that are found nowhere make room."""
        most = self._bounds.max_references
        if len(self._held) < most:
            return True
        for reference, held in self._held.items():
            if held.secret is None and reference not in self._flights:
                del self._held[reference]
                return True
        logger.warning("%d secrets are held: no further one is looked for", most)
        return False
