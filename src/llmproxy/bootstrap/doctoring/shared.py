"""The check of Redis, which several workers share."""

from contextlib import AsyncExitStack
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.domain.limit import WhenAway
from llmproxy.infra.redis.address import BadAddress, read_address
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFailure, RedisRefused

WAIT_S: Final = 3.0
ANSWER_S: Final = 2.0
PINGS: Final = 5
SLOW_S: Final = 0.01
LEAST_MAJOR: Final = 5
"""The limits' scripts need 5, an Idempotency-Key 7.0 (docs/redis.md)."""
IDEMPOTENCY_MAJOR: Final = 7
EVICTS_NOTHING: Final = "noeviction"
AWAY: Final = (
    "see that REDIS_URL names the right host, port, user and password, and that a firewall lets "
    "this machine through; rediss:// is for TLS"
)


async def redis_check(scene: Scene) -> Findings:
    """Ask Redis who it is, whether it takes scripts, and how long it takes."""
    settings = scene.settings
    if settings.redis is None:
        return [_without(many=settings.replicas_many)]
    try:
        address = read_address(settings.redis.url)
    except BadAddress as error:
        return [problem(f"REDIS_URL: {error}", AWAY)]
    async with AsyncExitStack() as stack:
        client = RedisClient(address, timeout_s=ANSWER_S)
        stack.push_async_callback(client.close)
        client.start()
        if not await client.wait_up(WAIT_S):
            why = client.problem or "no connection came about"
            away = _consequence(settings.redis.when_away)
            return [problem(f"Redis at {client.place} {why}; {away}", AWAY)]
        try:
            return [*await _asked(client, scene.clock)]
        except RedisFailure as error:
            return [problem(f"Redis at {client.place}: {error}", AWAY)]


def _without(*, many: bool) -> Finding:
    if not many:
        return ok("REDIS_URL is not set: one worker counts by itself")
    return warning(
        "REPLICAS=many without REDIS_URL: limits and budgets cannot be counted",
        "set REDIS_URL to one Redis for all replicas",
    )


def _consequence(when_away: WhenAway) -> str:
    return {
        WhenAway.CLOSED: "meanwhile calls that have limits are refused",
        WhenAway.OPEN: "meanwhile limits do not hold",
        WhenAway.SHARE: "meanwhile each worker lets its share through",
    }[when_away]


async def _asked(client: RedisClient, clock: Clock) -> list[Finding]:
    told = facts(await client.call("INFO"))
    took_s = []
    for _ in range(PINGS):
        began = clock.monotonic()
        await client.call("PING")
        took_s.append(clock.monotonic() - began)
    found = [*_scripts(client.place, await _script(client)), *_version(told), *_memory(told)]
    median_s = sorted(took_s)[PINGS // 2]
    found += _latency(median_s)
    words = f"Redis {told.get('redis_version', '?')} at {client.place} answers in"
    return [ok(f"{words} {median_s * 1000:.1f} ms"), *found]


def facts(info: object) -> dict[str, str]:
    """Read what INFO says: lines of `name:value`."""
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else ""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in pairs}


async def _script(client: RedisClient) -> str | None:
    """Return why scripts are refused, None where they are taken."""
    try:
        await client.call("EVAL", "return redis.call('TIME')[1]", 0)
    except RedisRefused as error:
        return str(error)
    return None


def _scripts(place: str, refused: str | None) -> list[Finding]:
    if refused is None:
        return []
    todo = "allow the user of REDIS_URL scripts and our keys: ACL SETUSER … +@all ~llmproxy:*"
    return [problem(f"Redis at {place} takes no scripts: {refused}", todo)]


def _version(told: dict[str, str]) -> list[Finding]:
    written = told.get("redis_version", "")
    major = written.partition(".")[0]
    if not major.isdecimal() or int(major) >= IDEMPOTENCY_MAJOR:
        return []
    if int(major) < LEAST_MAJOR:
        return [problem(f"Redis {written} is too old for limits", "install 7.0 or newer")]
    return [warning(f"Redis {written} cannot keep Idempotency-Keys", "install 7.0 or newer")]


def _memory(told: dict[str, str]) -> list[Finding]:
    policy = told.get("maxmemory_policy", EVICTS_NOTHING)
    if policy.startswith("volatile-") or told.get("maxmemory", "0") == "0":
        return []
    if policy == EVICTS_NOTHING:
        what = "once it is full of kept answers, calls with limits are refused"
    else:
        what = "counters of calls that run may go before answers that nobody asks for"
    todo = "CONFIG SET maxmemory-policy volatile-lru, and give it room"
    return [warning(f"maxmemory-policy is {policy}: {what}", todo)]


def _latency(median_s: float) -> list[Finding]:
    if median_s < SLOW_S:
        return []
    return [
        warning(
            f"Redis takes {median_s * 1000:.0f} ms: every call that has limits waits for it",
            "run it in the same region and network as the gateway",
        )
    ]
