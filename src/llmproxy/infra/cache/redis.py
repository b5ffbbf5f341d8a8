"""Answers kept in Redis: all workers share them, and Redis lets them go when their time is over.

Away means nothing is there and nothing can be kept; nobody waits longer than the client's deadline
for a command, and nobody sees an error.
"""

import asyncio
import secrets
import struct
from collections.abc import Generator, Mapping
from typing import Any, Final

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.response_cache import Claims, Kept, Look, ResponseCache
from llmproxy.infra.cache.bulk import SMALL_BYTES, Bulk
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFailure
from llmproxy.infra.redis.line import Reply
from llmproxy.infra.redis.script import Script
from llmproxy.infra.wire.unreadable import UNREADABLE

VERSION: Final = 1
"""Of the bytes of an answer: whatever changes their meaning changes it."""
APART: Final = b":apart"
"""How the name of a large answer ends; at the name itself stands a mark with its `kept_at`."""
MARK: Final = struct.Struct(">cd")
_MARKED: Final = b"\xc1"
"""No MessagePack begins with it (its specification: "never used"): a mark is no answer."""
LEASE_S: Final = 30.0
TOKEN_BYTES: Final = 16

RELEASE: Final = Script(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)
RENEW: Final = Script(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then"
    " return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Kept]).decode


def packed(kept: Kept) -> bytes:
    """Return the bytes of an answer."""
    return _encode((VERSION, kept))


def unpacked(data: bytes) -> Kept | None:
    """Return the answer, None for bytes of another version of this gateway."""
    try:
        version, kept = _decode(data)
    except UNREADABLE:
        return None
    return kept if version == VERSION else None


def marked(found: Reply) -> float | None:
    """Return since when a large answer is kept apart, None for anything but a mark."""
    if isinstance(found, bytes) and len(found) == MARK.size and found.startswith(_MARKED):
        since: float = MARK.unpack(found)[1]
        return since
    return None


class _Sent(Look):
    """A command that is on its way, None where it could not be sent."""

    def __init__(
        self, cache: "RedisCache", key: bytes, reply: asyncio.Future[Reply] | None
    ) -> None:
        self._cache = cache
        self._key = key
        self._reply = reply

    @override
    def __await__(self) -> Generator[Any, None, Kept | None]:
        if self._reply is None:
            return None
        self._cache.hurry()
        try:
            found = yield from self._reply
            since = marked(found)
            if since is not None:
                found = yield from self._cache.apart(self._key)
        except RedisFailure:
            self._cache.failures += 1
            return None
        return self._cache.read(found, since or 0.0)

    @override
    def give_up(self) -> None:
        if self._reply is not None:
            self._reply.cancel()


class RedisCache(ResponseCache):
    """Each answer is one value under `prefix` and its key in hexadecimal digits.

    A large one is a value apart, that is set and asked for over `bulk`: limits, which share
    `client`, never wait for one in either direction. What is found there is never older than its
    mark, so that a value whose successor got lost does not come back.
    """

    def __init__(self, client: RedisClient, prefix: bytes, clock: Clock, bulk: Bulk) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._bulk = bulk
        self.failures = 0

    @override
    def figures(self) -> Mapping[str, float]:
        return {"store_failures": self.failures}

    @override
    async def get(self, key: bytes) -> Kept | None:
        return await self.begin(key)

    @override
    def at_hand(self, key: bytes) -> None:
        """Nothing is: other workers keep answers too."""

    @override
    def begin(self, key: bytes) -> Look:
        try:
            return _Sent(self, key, self._client.call("GET", self._name(key), later=True))
        except RedisFailure:
            self.failures += 1
            return _Sent(self, key, None)

    def apart(self, key: bytes) -> "asyncio.Future[Reply]":
        """Ask for a large answer. Raises RedisFailure."""
        return self._bulk.get(self._name(key) + APART)

    def hurry(self) -> None:
        """Send what was begun and has not left yet: the gate's question did not take it along."""
        self._client.hurry()

    def read(self, found: Reply, since: float) -> Kept | None:
        """Return what Redis keeps, unless its time is over, or it is older than asked for."""
        kept = unpacked(found) if isinstance(found, bytes) else None
        if kept is None or kept.kept_at < since:
            return None
        return kept if kept.until > self._clock.now() else None

    @override
    def put(self, key: bytes, kept: Kept) -> "asyncio.Future[Any] | None":
        name, value = self._name(key), packed(kept)
        left_ms = max(1, round((kept.until - self._clock.now()) * 1000))
        try:
            if len(value) <= SMALL_BYTES:
                return self._set(name, value, left_ms)
            apart = self._watched(self._bulk.put(name + APART, value, left_ms))
            mark = self._set(name, MARK.pack(_MARKED, kept.kept_at), left_ms)
        except RedisFailure:
            self.failures += 1
            return None
        return asyncio.gather(apart, mark, return_exceptions=True)

    def _set(self, name: bytes, value: bytes, left_ms: int) -> "asyncio.Future[Reply]":
        return self._watched(self._client.call("SET", name, value, "PX", left_ms, later=True))

    def _watched(self, setting: "asyncio.Future[Reply]") -> "asyncio.Future[Reply]":
        setting.add_done_callback(self._was_set)
        return setting

    def _was_set(self, setting: "asyncio.Future[Reply]") -> None:
        if not setting.cancelled() and setting.exception() is not None:
            self.failures += 1

    def _name(self, key: bytes) -> bytes:
        return self._prefix + key.hex().encode("ascii")


class RedisClaims(Claims):
    """A claim is a value with the fingerprint and a token of this process."""

    lease_s = LEASE_S

    def __init__(self, client: RedisClient, prefix: bytes, *, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._client = client
        self._prefix = prefix
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._held: dict[bytes, bytes] = {}

    @override
    async def claim(self, key: bytes, fingerprint: bytes) -> bytes | None:
        name = self._name(key)
        value = self._token + fingerprint
        try:
            ms = round(self.lease_s * 1000)
            found = await self._client.call("SET", name, value, "NX", "GET", "PX", ms)
        except RedisFailure:
            return None
        if isinstance(found, bytes) and found != value:
            return found[TOKEN_BYTES:]
        self._held[key] = value
        return None

    @override
    async def renew(self, key: bytes) -> None:
        value = self._held.get(key)
        if value is not None:
            ms = round(self.lease_s * 1000)
            await self._run(RENEW, key, value, ms)

    @override
    async def release(self, key: bytes) -> None:
        value = self._held.pop(key, None)
        if value is not None:
            await self._run(RELEASE, key, value)

    async def _run(self, script: Script, key: bytes, *arguments: bytes | int) -> None:
        try:
            await self._client.run(script, self._name(key), arguments)
        except RedisFailure:
            return  # the lease ends by itself

    def _name(self, key: bytes) -> bytes:
        return self._prefix + key.hex().encode("ascii")
