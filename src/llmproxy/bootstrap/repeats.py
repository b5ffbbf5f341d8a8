"""Answers that are given again: kept in memory, or in Redis for all workers."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.response_cache import Claims, ResponseCache
from llmproxy.application.use_cases.replayed.cached import Cached
from llmproxy.application.use_cases.replayed.once import Repeats
from llmproxy.application.use_cases.replayed.sharing import Rooms, Sharing
from llmproxy.config import Settings
from llmproxy.config.settings import CacheSettings
from llmproxy.infra.cache.memory import MemoryCache, NoClaims
from llmproxy.infra.controllers.openai.kept_forms import OpenAIForms
from llmproxy.infra.telemetry.metrics import Metrics

if TYPE_CHECKING:  # imported only where it is used
    from llmproxy.infra.redis.client import RedisClient


def open_repeats(
    stack: AsyncExitStack,
    settings: Settings,
    rooms: Rooms,
    metrics: Metrics,
    clock: Clock,
    client: "RedisClient | None",
) -> Repeats:
    """Open the stores of answers, in Redis where there is a connection to it.

    What is under way ends with the server.
    """
    answers, repeated, claims = _stores(stack, settings, metrics, clock, client)
    forms = OpenAIForms()
    most = settings.cache.max_entry_bytes
    keeping = Sharing(rooms, answers, forms, clock, max_entry_bytes=most)
    repeating = Sharing(rooms, repeated, forms, clock, max_entry_bytes=most)
    cached = Cached(rooms, keeping if settings.cache.max_bytes else None)
    repeats = Repeats(cached, repeating, claims, clock, ttl_s=settings.cache.idempotency_ttl_s)
    stack.push_async_callback(repeats.close)
    metrics.gauge("cache", lambda: {**keeping.counts, **answers.figures()})
    metrics.gauge("idempotency", lambda: {**repeating.counts, **repeated.figures()})
    return repeats


def _stores(
    stack: AsyncExitStack,
    settings: Settings,
    metrics: Metrics,
    clock: Clock,
    client: "RedisClient | None",
) -> tuple[ResponseCache, ResponseCache, Claims]:
    """Return what keeps answers for questions, for keys, and who runs what.

    `client` is shared with limits: what is large has a connection of its own.
    """
    redis = settings.redis
    if redis is None or client is None:
        most = settings.cache.max_bytes
        repeated = MemoryCache(clock, max_bytes=most or CacheSettings.max_bytes)
        return MemoryCache(clock, max_bytes=most), repeated, NoClaims()
    from llmproxy.bootstrap.redis import open_bulk  # noqa: PLC0415 - only where it is used
    from llmproxy.infra.cache.redis import RedisCache, RedisClaims  # noqa: PLC0415

    prefix = redis.prefix.encode()
    bulk = open_bulk(stack, redis, settings.cache.max_entry_bytes, metrics)
    return (
        RedisCache(client, prefix + b":answer:", clock, bulk),
        RedisCache(client, prefix + b":repeat:", clock, bulk),
        RedisClaims(client, prefix + b":claim:"),
    )
