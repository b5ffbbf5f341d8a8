"""What counts and keeps money: journal, ledger, limiter, alerts, put together for one worker."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Limiter, Scope
from llmproxy.application.interfaces.usage_ledger import UsageLedger
from llmproxy.application.registry import Registry
from llmproxy.bootstrap.first_run import JOURNAL_FOLDER
from llmproxy.config import Settings
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.alerts.announcer import Announcer
from llmproxy.infra.alerts.webhook import Webhook
from llmproxy.infra.ledger.carrier import Adopted, Carrier
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.ledger.past import LedgerPast
from llmproxy.infra.limiter.memory import MemoryLimiter
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.telemetry.metrics import Metrics

if TYPE_CHECKING:  # imported only where it is used
    from llmproxy.infra.redis.client import RedisClient

logger = logging.getLogger("llmproxy")

WEBHOOK_S = 5.0
LAST_ALERTS_S = 2.0
"""For what is still to be told when the server ends."""
PREPARED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Money:
    """What the steps of a call count with."""

    journal: FileJournal
    limiter: Limiter
    redis: "RedisClient | None" = None
    """The connection over which limits are counted."""


@dataclass(frozen=True, slots=True)
class Around:
    """What money is counted for, kept in, told by."""

    registry: Registry
    ledger: UsageLedger
    client: HttpClient
    metrics: Metrics
    clock: Clock


async def open_money(stack: AsyncExitStack, settings: Settings, around: Around) -> Money:
    """Open the journal, take over what dead workers left, and rebuild the counters of limits."""
    journal = FileJournal(
        settings.data_dir / JOURNAL_FOLDER,
        max_bytes=settings.ledger.journal_max_bytes,
        loop=asyncio.get_running_loop(),
        refuse_when_full=settings.ledger.refuse_when_full,
    )
    stack.callback(journal.close)
    announcer = announcer_of(stack, settings.alert_webhook, around)
    past = LedgerPast(around.ledger, journal)
    limiter, adopted, redis = await _limiter(stack, settings, around, past, announcer)
    carrier = Carrier(journal, around.ledger, adopted)
    await carrier.adopt()
    await _prepare(limiter, around.registry)
    carrier.start()
    stack.push_async_callback(carrier.close)
    around.metrics.gauge("ledger", carrier.counts)
    around.metrics.gauge("alerts", announcer.counts)
    around.metrics.gauge("requests", lambda: {"in_flight": limiter.in_flight})
    return Money(journal, limiter, redis)


class Counting(Limiter, Protocol):
    """A limiter as it is started here."""

    in_flight: int

    @abstractmethod
    async def prepare(self, scopes: Iterable[Scope]) -> None:
        """Rebuild the counters of these scopes. Raises Unavailable."""


async def _limiter(
    stack: AsyncExitStack,
    settings: Settings,
    around: Around,
    past: LedgerPast,
    announcer: Announcer,
) -> "tuple[Counting, Adopted | None, RedisClient | None]":
    """Return what counts, and what is told of the journals of dead workers."""
    most = settings.max_concurrent_requests
    if settings.redis is None:
        return MemoryLimiter(around.clock, past, announcer, max_in_flight=most), None, None
    from llmproxy.bootstrap.redis import open_redis_limiter  # noqa: PLC0415 - only where it is used

    limiter, client = await open_redis_limiter(
        stack, settings.redis, around, past, announcer, max_in_flight=most
    )
    return limiter, limiter.adopted, client


async def _prepare(limiter: Counting, registry: Registry) -> None:
    """Rebuild all counters before the first call.

    Those that cannot be now are when they are asked for; until then what they limit is refused.
    """
    try:
        async with asyncio.timeout(PREPARED_WITHIN_S):
            await limiter.prepare(registry.limited())
    except (Unavailable, TimeoutError) as error:
        logger.warning("what limits have counted cannot be read from the ledger yet: %s", error)


def announcer_of(stack: AsyncExitStack, webhook: Secret | None, around: Around) -> Announcer:
    """Return what tells of limits that are nearly used up; the webhook stops with the server."""
    if webhook is None:
        return Announcer(around.clock)
    sending = Webhook(poster(around.client, webhook))
    stack.push_async_callback(sending.stop, LAST_ALERTS_S)
    return Announcer(around.clock, sending)


def poster(client: HttpClient, url: Secret) -> Callable[[bytes], Awaitable[int]]:
    """Return what posts JSON to an address and returns the status."""
    patience = Patience(WEBHOOK_S, WEBHOOK_S, WEBHOOK_S, WEBHOOK_S)
    target = client.target(url.expose(), {"content-type": "application/json"})

    async def post(body: bytes) -> int:
        exchange, _ = await client.fetch(target, body, patience)
        return exchange.status

    return post
