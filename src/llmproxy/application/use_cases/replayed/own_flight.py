"""A flight in the task of the request that asks first, as most are: nobody else asks the same."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.presence import Presence
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Source
from llmproxy.application.use_cases.replayed.flights import (
    NOT_KEPT,
    Flights,
    WholeFlight,
    stopping,
)
from llmproxy.domain.errors import GatewayError

logger = logging.getLogger("llmproxy")

Put = Callable[[Asked, list[bytes], bytes, Deployment], "asyncio.Future[Any] | None"]
"""As `Keep`, without a task: what it returns is done when the answer is kept, or cannot be."""


class OwnFlight(WholeFlight):
    """An answer in one piece, without a task of its own: that costs two turns of the event loop.

    When the client of the first request leaves and others have boarded, the request goes on for
    them; it ends as cancelled when the answer is there. Only for a source that holds nothing.
    """

    def __init__(
        self,
        table: Flights,
        asked: Asked,
        source: Source,
        admission: Admission | None,
        put: Put,
    ) -> None:
        super().__init__(table, asked, source, admission, put)
        self._put = put
        self.riders = 1

    async def fly(self, presence: Presence) -> Whole:
        """Answer; whoever asks the same meanwhile may board. Raises what the call raises."""
        table = self._table
        table.boarding[self.asked.boarding] = self
        table.running.add(self)
        self.task = presence.task
        presence.detain(self._left)
        try:
            whole = self.outcome = await self._run()
        except GatewayError as error:
            self.error = error
            raise
        except asyncio.CancelledError:
            self.error = stopping()
            raise
        except Exception as error:
            self.error = error
            raise
        finally:
            self.ended = True
            waits = presence.dismiss()
            self.task = None
            table.running.discard(self)
            if self._waiting:
                self._tell()
            self._land()
        if not waits:
            raise asyncio.CancelledError
        return whole

    def _land(self) -> None:
        """Have the answer kept; whoever asks until then still boards.

        What breaks meanwhile costs nobody the answer, which was paid for, and keeps nobody aboard.
        """
        whole = self.outcome
        keeping = None
        if whole is not None and self.source.keeps:
            reply = whole.reply
            try:
                keeping = self._put(self.asked, reply.headers, reply.body, whole.deployment)
            except Exception:
                logger.exception(NOT_KEPT)
        if keeping is None:
            self.retire()
        else:
            self._table.land(keeping, self.retire)

    def _left(self) -> bool:
        """Count the first client out; return whether nobody is left."""
        self.riders -= 1
        if self.riders:
            return False
        self.retire()
        return True
