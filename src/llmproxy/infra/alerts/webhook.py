"""Messages to the address that an operator has named, one after the other, never waited for."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from typing import Final

logger = logging.getLogger("llmproxy.limits")

MAX_WAITING: Final = 256
TIMEOUT_S: Final = 5.0
PAUSES_S: Final = (1.0, 4.0)
"""Before the second and the third try."""
_AGAIN: Final = (408, 429)
"""Statuses below 500 after which the same message may be taken."""

Post = Callable[[bytes], Awaitable[int]]
"""Sends a JSON body and returns the HTTP status; what it raises is a failed try."""


class Webhook:
    """Sends messages in their order, each up to three times.

    At most 256 wait; more are dropped and counted. `stop` gives up what waits.
    """

    def __init__(self, post: Post, *, pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._post = post
        self._pauses_s = pauses_s
        self._waiting: deque[bytes] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._stopped = False
        self._sent = self._failed = self._dropped = 0

    def send(self, body: bytes) -> None:
        """Send it soon. Needs a running loop."""
        if self._stopped or len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(body)
        if self._sending is None:
            # In a context of its own: nothing of the request that crossed a threshold goes along.
            sending = asyncio.get_running_loop().create_task(self._send_all(), context=Context())
            self._sending = sending

    async def stop(self, patience_s: float = 0.0) -> None:
        """Wait so long for what is on its way, then give it up. Stopping twice is fine."""
        self._stopped = True
        task = self._sending
        if task is None:
            return
        await asyncio.wait([task], timeout=patience_s)
        if not task.done():
            self._dropped += len(self._waiting)
            self._waiting.clear()
            task.cancel()
            await asyncio.wait([task])

    def counts(self) -> Mapping[str, float]:
        """Return how many messages were sent, failed after all tries, or were dropped."""
        return {
            "webhook_sent": self._sent,
            "webhook_failed": self._failed,
            "webhook_dropped": self._dropped,
            "webhook_waiting": len(self._waiting),
        }

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                if await self._delivered(self._waiting.popleft()):
                    self._sent += 1
                else:
                    self._failed += 1
        finally:
            self._sending = None

    async def _delivered(self, body: bytes) -> bool:
        reason = ""
        for pause_s in (0.0, *self._pauses_s):
            await asyncio.sleep(pause_s)
            status, reason = await self._tried(body)
            if 200 <= status < 300:
                return True
            if 0 < status < 500 and status not in _AGAIN:
                break
        # The address is a secret: it, and what an error says of it, stay out of the log.
        logger.error("the webhook for alerts did not take a message: %s", reason)
        return False

    async def _tried(self, body: bytes) -> tuple[int, str]:
        """Return the status and what to say of it; the status is 0 where there was no answer."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._post(body)
        except TimeoutError:
            return 0, f"no answer within {TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a client raises, a try has failed
            return 0, type(error).__name__
        return status, f"status {status}"
