"""Connections to Redis. Imported only where REDIS_URL is set."""

from contextlib import AsyncExitStack

from llmproxy.bootstrap.money import Around
from llmproxy.config import SettingError
from llmproxy.config.settings import RedisSettings
from llmproxy.infra.alerts.announcer import Announcer
from llmproxy.infra.cache.bulk import Bulk, patience_s
from llmproxy.infra.ledger.past import LedgerPast
from llmproxy.infra.limiter.redis import RedisLimiter
from llmproxy.infra.limiter.redis_room import RedisOptions
from llmproxy.infra.redis.address import BadAddress, read_address
from llmproxy.infra.redis.client import TIMEOUT_S, RedisClient
from llmproxy.infra.telemetry.metrics import Metrics


async def open_redis(stack: AsyncExitStack, redis: RedisSettings) -> RedisClient:
    """Open a connection, which is made again whenever it is lost. Raises SettingError."""
    return _open(stack, redis, TIMEOUT_S)


def open_bulk(
    stack: AsyncExitStack, redis: RedisSettings, max_entry_bytes: int, metrics: Metrics
) -> Bulk:
    """Open a connection for values of up to so many bytes. Raises SettingError."""
    bulk = Bulk(_open(stack, redis, patience_s(max_entry_bytes)))
    metrics.gauge("redis_bulk", bulk.counts)
    return bulk


def _open(stack: AsyncExitStack, redis: RedisSettings, timeout_s: float) -> RedisClient:
    try:
        address = read_address(redis.url)
    except BadAddress as error:
        raise SettingError(f"REDIS_URL: {error}") from None
    client = RedisClient(address, timeout_s=timeout_s)
    client.start()
    stack.push_async_callback(client.close)
    return client


async def open_redis_limiter(
    stack: AsyncExitStack,
    redis: RedisSettings,
    around: Around,
    past: LedgerPast,
    announcer: Announcer,
    *,
    max_in_flight: int,
) -> tuple[RedisLimiter, RedisClient]:
    """Take a seat among the workers that count there; Redis may be away.

    The connection is returned too: what is asked together with limits shares it.
    """
    client = await open_redis(stack, redis)
    limiter = RedisLimiter(
        client,
        around.clock,
        past,
        announcer,
        RedisOptions(max_in_flight, redis.when_away, redis.prefix),
    )
    await limiter.start()
    stack.push_async_callback(limiter.close)
    around.metrics.gauge("redis", client.counts)
    around.metrics.gauge("limits", limiter.counts)
    return limiter, client
