"""What is large goes to Redis, and comes from there, over a connection of its own.

Commands of one connection wait for one another, and Redis says nothing while one arrives: at
1 Gbit/s 1 MiB takes 8.4 ms. A few of them take longer than limits wait for Redis (50 ms).
"""

import asyncio
from typing import Final

from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFull
from llmproxy.infra.redis.line import Reply

SMALL_BYTES: Final = 32 * 1024
"""Up to so many a value goes over the connection that limits use: 0.3 ms at 1 Gbit/s."""
MOST_BYTES: Final = 32 * 1024 * 1024
"""Values on their way to Redis; beyond that further ones are not kept."""
PATIENCE_S: Final = 0.5
SLOWEST_BYTES_PER_S: Final = 10_000_000


def patience_s(max_entry_bytes: int) -> float:
    """Return how long Redis may say nothing: it hears one value until then, over a slow network."""
    return PATIENCE_S + max_entry_bytes / SLOWEST_BYTES_PER_S


class Bulk:
    """`client` is a connection that nothing else waits for."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._bytes = self._refused = 0

    def counts(self) -> dict[str, int]:
        """Return figures for metrics: the connection's, and those of what is on its way."""
        return {**self._client.counts(), "bytes": self._bytes, "refused": self._refused}

    def put(self, name: bytes, value: bytes, left_ms: int) -> "asyncio.Future[Reply]":
        """Set a value for a time. Raises RedisAway, RedisFull."""
        size = len(value)
        if self._bytes and self._bytes + size > MOST_BYTES:
            self._refused += 1
            raise RedisFull("too many answers are on their way to Redis")
        putting = self._client.call("SET", name, value, "PX", left_ms)
        self._bytes += size
        putting.add_done_callback(lambda _: self._done(size))
        return putting

    def get(self, name: bytes) -> "asyncio.Future[Reply]":
        """Ask for a value. Raises RedisAway."""
        return self._client.call("GET", name)

    def _done(self, size: int) -> None:
        self._bytes -= size
