"""Where answers are kept that are given again, as the settings say."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.interfaces.upstream import Reply
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.application.use_cases.replayed.sharing import Rooms
from llmproxy.bootstrap.redis import open_redis
from llmproxy.bootstrap.repeats import open_repeats
from llmproxy.config import Settings
from llmproxy.config.settings import RedisSettings
from llmproxy.domain.secret import Secret
from llmproxy.infra.redis.script import Script
from llmproxy.infra.telemetry.metrics import Metrics
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.redis_link import GBIT, LinkedRedis, linked
from tests.fakes.upstream import USAGE, FakeProvider, call, deployment

RESERVE = Script("return {'held'}")
LARGE = b'{"choices":[{"finish_reason":"stop","text":"' + b"x" * 1_000_000 + b'"}]}'


def _rooms(clock: FakeClock) -> tuple[FakeProvider, Rooms]:
    """A provider with a large answer, and what stands before it."""
    provider = FakeProvider(clock)
    provider.reply = Reply([b"content-type: application/json"], LARGE, USAGE)
    inside = FakeRooms(clock, deployment(provider))
    answer, stream = inside.answer.admitted, inside.stream.admitted
    return provider, Rooms(inside.registry, inside.admit, inside.settle, answer, stream)


@pytest.mark.parametrize("repeat_key", [None, b"order-4711"])
def test_large_answers_have_a_connection_of_their_own(repeat_key: bytes | None) -> None:
    """Those for a question and those for an `Idempotency-Key`: limits wait for neither."""

    async def keeps(redis: LinkedRedis) -> None:
        told = RedisSettings(Secret("redis://linked"))
        settings = Settings({}, redis=told)
        clock, metrics = FakeClock(), Metrics()
        provider, rooms = _rooms(clock)
        use = Use.ON if repeat_key is None else Use.NONE
        wish = Wish(Shape(Form.WHOLE), use, 60.0, b"what?", repeat_key=repeat_key)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            limits = await open_redis(stack, told)
            repeats = open_repeats(stack, settings, rooms, metrics, clock, limits)
            assert await limits.wait_up(1.0)
            await asyncio.sleep(0.1)
            redis.up.bytes_per_s = GBIT // 10
            asked = call(clock)
            await repeats.answer(asked, wish)
            began = loop.time()
            await limits.run(RESERVE, b"{a}", ())
            assert loop.time() - began < 0.01
            await asyncio.sleep(1.0)
            assert limits.up
            again = await repeats.answer(replace(asked, request_id="req_2"), wish)
            assert again.reply.body == LARGE
            assert len(provider.calls) == 1
            failures = re.findall(r"_store_failures_total\{.*\} (.+)", await metrics.text())
            assert failures == ["0", "0"]
        assert redis.connections == 2

    linked(keeps)
