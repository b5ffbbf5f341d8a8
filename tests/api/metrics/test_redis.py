"""Figures of both connections to a real Redis: that of limits, and that of large kept answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import exposition
from tests.api.asking import ask, bearer, within
from tests.api.gateway import Gateway, serving
from tests.api.routing.stage import ADMIN_KEY
from tests.redis_server import RedisServer, running

LARGE, SMALL = 100_000, 100
PATIENCE_S = 10.0
Figures = dict[str, float]


@pytest.fixture(name="redis")
def _redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path, redis: RedisServer) -> Iterator[Gateway]:
    settings = {"REDIS_URL": redis.url, "LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    with serving(tmp_path, settings=settings) as gateway:
        assert within(PATIENCE_S, lambda: _up(gateway) == (1, 1))
        yield gateway


def _figures(gateway: Gateway) -> tuple[Figures, Figures]:
    """What /metrics tells of the first connection, and of that for large answers."""
    told, bulk, _ = _of_each(gateway)
    return told, bulk


def _of_each(gateway: Gateway) -> tuple[Figures, Figures, Figures]:
    """The same, and what it tells of the connection for the state of deployments."""
    answer = ask(gateway.url, "/metrics", headers=bearer(ADMIN_KEY))
    assert answer.status == 200
    told = exposition.figures(answer.body.decode(), "llmproxy_redis_")
    bulk, routing = (
        {name.removeprefix(of): told.pop(name) for name in set(told) if name.startswith(of)}
        for of in ("bulk_", "routing_")
    )
    return told, bulk, routing


def _up(gateway: Gateway) -> tuple[float, float]:
    first, bulk = _figures(gateway)
    return first["up"], bulk["up"]


def _asked(gateway: Gateway, size: int) -> str:
    """Ask the echo model, whose answer is as large; whether the answer was kept."""
    body = {"model": "echo", "messages": [{"role": "user", "content": "x" * size}]}
    headers = bearer(ADMIN_KEY) | {"x-llmproxy-cache": "on"}
    answer = ask(gateway.url, "/v1/chat/completions", method="POST", headers=headers, body=body)
    assert answer.status == 200, answer.body
    assert len(answer.body) > size
    return answer.headers["x-llmproxy-cache-status"]


def test_each_connection_has_its_figures(gateway: Gateway) -> None:
    """The same ones; a large answer is a command there and one back over the second."""
    first, bulk, routing = _of_each(gateway)
    assert set(bulk) == set(first) | {"bytes", "refused"}
    assert set(routing) == set(first)
    assert (first["connections"], bulk["connections"], routing["connections"]) == (1, 1, 1)
    assert within(PATIENCE_S, lambda: _of_each(gateway)[2]["commands"] > routing["commands"])

    assert _asked(gateway, SMALL) == "miss"
    assert within(PATIENCE_S, lambda: _asked(gateway, SMALL) == "hit")
    after_small, bulk = _figures(gateway)
    assert after_small["commands"] > first["commands"]
    assert bulk["commands"] == 0

    assert _asked(gateway, LARGE) == "miss"
    assert within(PATIENCE_S, lambda: _asked(gateway, LARGE) == "hit")
    _, bulk = _figures(gateway)
    assert bulk.pop("commands") >= 2
    assert bulk.pop("up") == bulk.pop("connections") == 1
    assert set(bulk.values()) == {0}


def test_redis_goes_and_comes_back(gateway: Gateway, redis: RedisServer) -> None:
    """Both connections say so, each of itself."""
    redis.kill()
    assert within(PATIENCE_S, lambda: _up(gateway) == (0, 0))
    redis.start()
    assert within(PATIENCE_S, lambda: _up(gateway) == (1, 1))
    first, bulk = _figures(gateway)
    assert (first["connections"], bulk["connections"]) == (2, 2)
