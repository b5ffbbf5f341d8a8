"""A flight in the task of the request that asks first, as most are: nobody else asks the same."""

import asyncio
from typing import Any

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.presence import Presence
from llmproxy.application.use_cases.replayed.flights import WholeFlight, stopping
from llmproxy.domain.errors import GatewayError


class OwnFlight(WholeFlight):
    """An answer in one piece, without a task of its own: that costs two turns of the event loop.

    When the client of the first request leaves and others have boarded, the request goes on for
    them; it ends as cancelled when the answer is there. Only for a source that holds nothing.
    """

    riders = 1

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
        """Have the answer kept; whoever asks until then still boards."""
        keeping = self._kept()
        if keeping is None:
            self.retire()
        else:
            self._table.land(keeping)
            keeping.add_done_callback(self._landed)

    def _landed(self, _: "asyncio.Future[Any]") -> None:
        self.retire()

    def _left(self) -> bool:
        """Count the first client out; return whether nobody is left."""
        self.riders -= 1
        if self.riders:
            return False
        self.retire()
        return True
