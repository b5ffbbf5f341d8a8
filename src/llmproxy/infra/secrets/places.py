"""Where the chain looks behind the environment: the folder first, then the vault."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.infra.secrets.folder import DEFAULT, Seen, Unfit, fit, look
from llmproxy.infra.secrets.held import Held, Place
from llmproxy.infra.secrets.standing import Standing
from llmproxy.infra.secrets.vault import SecretRefused, VaultAway, VaultSecrets, vault_name

logger = logging.getLogger("llmproxy.secrets")

PATIENCE: Final = 2
"""How many times in a row a place must say that it has a secret no more before it is dropped."""
FOLDER_S: Final = 5.0
AT_ONCE: Final = 16
"""Questions to the vault at one time. A vault answers 4,000 in 10 s (learn.microsoft.com/azure/
key-vault/general/service-limits, 2026-11)."""
MAX_PAUSE_S: Final = 30.0
MAX_ASKED_PAUSE_S: Final = 300.0
"""Longest that a vault's own `retry-after` is heeded."""


class Places:
    """The folder and the vault; `tell` hears of references whose answer is another one now."""

    def __init__(
        self,
        folder: Path | None,
        vault: VaultSecrets | None,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._vault = vault
        self._tell = tell
        self._random = Random()  # noqa: S311 - it only spreads questions
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._reading: asyncio.Future[Seen] | None = None
        self._away_rounds = 0
        self.folder_is_there = folder is not None and (folder != DEFAULT or folder.is_dir())
        self.retry_at = 0.0
        """Before this time of the event loop the vault is not asked."""
        self.files = Standing(f"folder of secrets {folder}", clock)
        self.vault = Standing(f"key vault {vault.url}" if vault else "", clock)

    @property
    def has_vault(self) -> bool:
        """Whether there is a vault behind the folder."""
        return self._vault is not None

    @property
    def named(self) -> list[str]:
        """What people call the places that are there."""
        return [
            *([str(self._folder)] if self.folder_is_there else []),
            *([f"the {self.vault.name}"] if self.has_vault else []),
        ]

    def missing(self, reference: str) -> str:
        """Say where a secret was looked for in vain, after what was said of the environment."""
        said = "".join(f", nor in {place}" for place in self.named)
        if self.has_vault and vault_name(reference) is None:
            said += ", where names hold only letters, digits and dashes"
        return said

    async def look(self, held: Mapping[str, Held], *, ask_vault: bool) -> None:
        """Look these up in the folder, and in the vault what the folder does not give.

        The vault is left out, unless so told, where every place was asked before.
        """
        seen = await self._seen(held)
        left = [
            reference
            for reference, each in held.items()
            if not self._has_file(reference, each, seen) and (ask_vault or not each.looked)
        ]
        if self._vault is None:
            for reference in left:
                self._missed(reference, held[reference], seen)
        else:
            await self._ask_vault(self._vault, {each: held[each] for each in left}, seen)

    # ---------------------------------------------------------------------------------- the folder

    async def _seen(self, held: Mapping[str, Held]) -> Seen:
        if self._folder is None:
            return Seen(is_there=False)
        if self._reading is not None and not self._reading.done():
            return Seen(problem="does not answer")
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(None, look, self._folder, frozenset(held))
        done, _ = await asyncio.wait({reading}, timeout=FOLDER_S)
        if not done:
            self._reading = reading  # its thread cannot be stopped: none more until it is back
        seen = reading.result() if done else Seen(problem=f"did not answer within {FOLDER_S:g} s")
        self.folder_is_there = seen.is_there
        self.files.heard(seen.problem)
        return seen

    def _has_file(self, reference: str, each: Held, seen: Seen) -> bool:
        """Take what the folder says of one; whether it settles it, so that the vault has no say."""
        value, unfit = seen.values.get(reference), seen.unfit.get(reference)
        if value is not None:
            self._found(reference, each, value, Place.FILE)
        elif unfit is not None:
            each.failed(f"its file in {self._folder} {unfit}", alone=True)
        elif each.place is not Place.FILE:
            return False
        elif seen.problem is not None:
            each.failed(f"{self._folder} {seen.problem}")
        else:
            if each.missed(PATIENCE):
                self._gone(reference)
            if each.secret is None:
                each.looked = False  # the vault may have it, and is asked at once
                return False
        return True

    # ----------------------------------------------------------------------------------- the vault

    async def _ask_vault(self, vault: VaultSecrets, held: Mapping[str, Held], seen: Seen) -> None:
        asked = list(held)
        # Another order each time: a vault that stops answering in the middle stops for others.
        self._random.shuffle(asked)
        away = [
            fault
            for fault in await asyncio.gather(
                *(self._ask(vault, reference, held[reference], seen) for reference in asked)
            )
            if fault is not None
        ]
        if away:
            self._away_rounds += 1
        elif asked:
            self._away_rounds = 0

    async def _ask(
        self, vault: VaultSecrets, reference: str, each: Held, seen: Seen
    ) -> VaultAway | None:
        name = vault_name(reference)
        if name is None:
            self._missed(reference, each, seen)
            return None
        async with self._at_once:
            if asyncio.get_running_loop().time() < self.retry_at:
                each.failed(f"the {self.vault.name} {self.vault.fault}")
                return None
            try:
                value = await vault.fetch(name)
            except VaultAway as away:
                self._away(away)
                each.failed(f"the {self.vault.name} {away}")
                return away
            except SecretRefused as refused:
                self.vault.heard(None)
                each.failed(f"the {self.vault.name} {refused}", alone=True)
                return None
        self.vault.heard(None)
        self._answered(reference, each, value, seen)
        return None

    def _answered(self, reference: str, each: Held, value: str | None, seen: Seen) -> None:
        if value is None:
            self._missed(reference, each, seen)
            return
        try:
            fitting = fit(value.encode("utf-8"))
        except Unfit as error:
            each.failed(f"its value in the {self.vault.name} {error}", alone=True)
        else:
            self._found(reference, each, fitting, Place.VAULT)

    def _away(self, away: VaultAway) -> None:
        pause = min(2.0**self._away_rounds, MAX_PAUSE_S)
        if away.retry_after_s is not None:
            pause = max(pause, min(away.retry_after_s, MAX_ASKED_PAUSE_S))
        spread = self._random.uniform(1.0, 1.2)
        self.retry_at = asyncio.get_running_loop().time() + pause * spread
        self.vault.heard(str(away))

    # ------------------------------------------------------------------------------ what came of it

    def _found(self, reference: str, each: Held, value: str, place: Place) -> None:
        had = each.secret is not None
        if each.found(value, place):
            logger.info("the secret %s %s", reference, "has a new value" if had else "is there now")
            self._tell(reference)

    def _missed(self, reference: str, each: Held, seen: Seen) -> None:
        if seen.problem is not None and each.secret is None:
            each.failed(f"{self._folder} {seen.problem}")
        elif each.missed(PATIENCE):
            self._gone(reference)

    def _gone(self, reference: str) -> None:
        logger.warning("the secret %s is there no more", reference)
        self._tell(reference)
