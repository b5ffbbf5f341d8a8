"""One folder, read by whoever asks, and again only where it has changed."""

import asyncio
from pathlib import Path
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.folder.reading import (
    NOTHING,
    SETTLED_AFTER_S,
    Contents,
    read_folder,
)

LOOKS_TO_SETTLE: Final = 5
"""So often is waited for files that are being written; then they are taken as they are."""
LOOKS_FOR_MISSING: Final = 5
"""So much oftener is looked when a file is missing only since the last look: a file that is written
anew again and again must not be taken for gone because it was away at the wrong moment."""


class DocumentFolder:
    """Shared by repository and feed. `path` need not be there yet."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._contents = NOTHING
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> Contents:
        """Return what the folder holds now: the same object as before when nothing has changed.

        Takes up to a second while files are being written, two while some come and go, so that a
        checkout of many is seen as a whole. Raises Unavailable when the folder is not there.
        """
        async with self._one_at_a_time:
            await self._look()
            for number in range(LOOKS_TO_SETTLE + LOOKS_FOR_MISSING):
                patient = number < LOOKS_TO_SETTLE or self._contents.missing
                if self._contents.settled or not patient:
                    break
                await asyncio.sleep(SETTLED_AFTER_S)
                await self._look()
            return self._contents

    async def _look(self) -> None:
        now = self._clock.now()
        try:
            self._contents = await asyncio.to_thread(read_folder, self.path, self._contents, now)
        except OSError as error:
            raise Unavailable(
                f"The folder {self.path} (MODELS_PATH) cannot be read: {error.strerror or error}.",
                retry_after_s=1.0,
            ) from error
