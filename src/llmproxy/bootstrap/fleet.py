"""The deployments' health, kept in step with the registry, and with other workers over Redis."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.registry import Registry
from llmproxy.application.routing.doubts import routing_doubts
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.snapshot import Snapshot
from llmproxy.config.settings import RedisSettings
from llmproxy.infra.telemetry.metrics import Metrics

logger = logging.getLogger("llmproxy")

MOST_SAID: Final = 100
"""Contradictions that are logged of one snapshot."""


class _Keeper:
    """Keeps a fleet in step with snapshots, and says once what contradicts itself in each."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._index: object = None
        self._said: frozenset[str] = frozenset()
        self._looking: asyncio.Task[None] | None = None

    def keep(self, snapshot: Snapshot) -> None:
        """Follow a new snapshot. Its models are looked at only when they are others."""
        by_id = snapshot.by_id
        self._fleet.keep(by_id, lambda each: any(each is it for it in by_id.get(each.model.id, ())))
        if snapshot.by_code is self._index:
            return
        self._index = snapshot.by_code
        self.close()
        self._looking = asyncio.get_running_loop().create_task(self._look(snapshot))

    def close(self) -> None:
        """Look no further."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self, snapshot: Snapshot) -> None:
        doubts = frozenset(await routing_doubts(snapshot, MOST_SAID))
        for doubt in sorted(doubts - self._said):
            logger.warning("%s", doubt)
        self._said = doubts


async def keep_fleet(
    stack: AsyncExitStack,
    fleet: Fleet,
    registry: Registry,
    redis: RedisSettings | None,
    metrics: Metrics,
    clock: Clock,
) -> None:
    """Let a fleet be that of the registry's deployments; what it shares ends with the server."""
    keeper = _Keeper(fleet)
    stack.callback(keeper.close)
    registry.installed.append(keeper.keep)
    if registry.loaded:
        keeper.keep(registry.snapshot)
    metrics.gauge("routing", fleet.figures)
    metrics.gauge_of_each("deployment", fleet.figures_of_each)
    if redis is not None:
        await _share(stack, fleet, redis, metrics, clock)


async def _share(
    stack: AsyncExitStack, fleet: Fleet, redis: RedisSettings, metrics: Metrics, clock: Clock
) -> None:
    from llmproxy.bootstrap.redis import open_redis  # noqa: PLC0415 - only where it is used
    from llmproxy.infra.fleet.redis import RedisSharing  # noqa: PLC0415

    client = await open_redis(stack, redis)
    sharing = RedisSharing(client, redis.prefix, fleet.hear, clock.now)
    fleet.told = sharing.tell
    sharing.start()
    stack.push_async_callback(sharing.close)
    metrics.gauge("routing_shared", sharing.counts)
    metrics.gauge("redis_routing", client.counts)
