"""Whether the limits of a worker can be counted: alone, or with others over Redis."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.counting import Counting
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.workers import MANY, WorkerSeat, together_only
from llmproxy.config import Settings
from llmproxy.infra.controllers.lifespan import StartRefused

logger = logging.getLogger("llmproxy")

LOOK_EVERY_S: Final = 1.0


class CountedHere(Counting):
    """For a worker. `countable` is as old as a second, and reads nothing: it is for every call."""

    def __init__(self, settings: Settings, snapshot: Callable[[], Snapshot]) -> None:
        self._settings = settings
        self._snapshot = snapshot
        self.seat = WorkerSeat(settings.data_dir)
        self._fault: str | None = None
        self._seen: Snapshot | None = None
        self._limited: str | None = None
        self._said: str | None = None
        self._watching: asyncio.Task[None] | None = None

    def take_seat(self) -> None:
        """Let other workers see that this one starts: before the registry is read.

        Raises StoreUnusableError.
        """
        self.seat.take()

    def let_in(self) -> None:
        """Begin to serve, unless limits exist that could not be counted. Raises StartRefused.

        To be called when the registry is read and everything else has started.
        """
        fault = self._fault = self._look(serving=True)
        if fault is None and self._settings.redis is None and not self.seat.is_first():
            fault = together_only("another worker is starting from this data folder")
        limited = first_limited(self._snapshot())
        if fault is not None and limited is not None:
            raise StartRefused(
                f"The {limited} is limited, and {fault}.\nOr take all limits away first: "
                "llmproxy keys limit ID --none, llmproxy projects limit NAME --none"
            )
        self.seat.serve()
        if self._settings.redis is None:
            self._watching = asyncio.create_task(self._watch())

    @override
    def fault(self) -> str | None:
        return self._look(serving=False)

    def countable(self) -> bool:
        """Whether calls that have limits can be let through."""
        return self._fault is None

    def unenforceable(self) -> str | None:
        """Say for people why limits that exist do not hold; None where all is well."""
        if self._fault is None:
            return None
        snapshot = self._snapshot()
        if snapshot is not self._seen:
            self._seen, self._limited = snapshot, first_limited(snapshot)
        if self._limited is None:
            return None
        return (
            f"Calls that have limits are refused: the {self._limited} is limited, and {self._fault}"
        )

    async def close(self) -> None:
        """Give the seat back; closing twice is fine."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        self.seat.leave()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._fault = await asyncio.to_thread(self._look, serving=True)
                self._tell()
            except OSError as error:
                logger.warning("other workers cannot be seen; what was seen last stays: %s", error)
            except Exception:
                logger.exception("other workers cannot be seen; what was seen last stays")

    def _tell(self) -> None:
        """Log once that limits do not hold, and again when others do not."""
        said = self.unenforceable()
        if said is not None and said != self._said:
            logger.error("%s", said)
        self._said = said

    def _look(self, *, serving: bool) -> str | None:
        if self._settings.redis is not None:
            return None
        if self._settings.replicas_many:
            return together_only(MANY)
        if self.seat.others(serving=serving):
            return together_only("another worker serves from this data folder")
        return None


def first_limited(snapshot: Snapshot) -> str | None:
    """Name one thing that has limits, None when nothing has."""
    return next((name for name, _ in snapshot.limited()), None)
