"""What befalls a call when providers fail: others, models that stand in, retries, breakers."""

import json
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.asking import within
from tests.api.routing.stage import PATIENCE_S, Stage, staged
from tests.redis_server import require
from tests.redis_server import running as redis_running

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
EARLY_S = 0.05


def attempts(row: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The attempts of a row."""
    return [(each["deployment"], each["error"]) for each in json.loads(row["attempts"])]


@STREAM
def test_retry_after(tmp_path: Path, *, stream: bool) -> None:
    """The only deployment is asked again after as long as it says, and the client has an answer."""
    with staged(tmp_path, {"only": {}}) as stage:
        stage.providers["only"].fail_next("status", status=429, headers={"retry-after-ms": "700"})
        began = time.monotonic()
        assert stage.chat(stream=stream) == "only"
        assert time.monotonic() - began >= 0.7 - EARLY_S
        [row] = stage.rows(1)
        assert attempts(row) == [("only", "rate_limit_exceeded"), ("only", None)]
        assert (row["outcome"], row["status"]) == ("finished", 200)
        assert row["overhead_s"] < row["duration_s"] - 0.7 + EARLY_S


@STREAM
def test_a_wait_that_is_too_long(tmp_path: Path, *, stream: bool) -> None:
    """More than ten seconds, or than the client waits: it gets the 429 as it was said."""
    with staged(tmp_path, {"only": {}}) as stage:
        for headers, timeout in (({"retry-after": "11"}, 60.0), ({"retry-after": "5"}, 3.0)):
            stage.providers["only"].fail_next("status", status=429, headers=headers)
            began = time.monotonic()
            with pytest.raises(openai.RateLimitError) as caught:
                stage.chat(stream=stream, timeout=timeout)
            assert time.monotonic() - began < 3.0
            assert caught.value.response.headers["retry-after"] == headers["retry-after"]
        assert stage.seen() == {"only": 2}


@STREAM
def test_models_that_stand_in(tmp_path: Path, *, stream: bool) -> None:
    """For any failure, and for a refusal that is named; the row says who answered."""
    deployments = {
        "a": {"code": "a", "fallbacks": {"any": ["b"], "context_too_long": ["large"]}},
        "b": {"code": "b"},
        "large": {"code": "large"},
    }
    with staged(tmp_path, deployments) as stage:
        stage.providers["a"].fail_next("status", status=401)
        assert stage.chat("a", stream=stream) == "b"
        too_long = {"error": {"message": "Too long.", "code": "context_length_exceeded"}}
        stage.providers["a"].fail_next("status", status=400, body=json.dumps(too_long).encode())
        assert stage.chat("a", stream=stream) == "large"
        stage.providers["a"].fail_next("status", status=400)
        with pytest.raises(openai.BadRequestError):
            stage.chat("a", stream=stream)

        first, second, third = stage.rows(3)
        assert (first["model"], first["deployment"]) == ("b", "b")
        assert attempts(first) == [("a", "upstream_credentials"), ("b", None)]
        assert attempts(second) == [("a", "context_length_exceeded"), ("large", None)]
        assert (third["model"], third["outcome"], third["cost_nano"]) == ("a", "refused", 0)


def test_a_breaker(tmp_path: Path) -> None:
    """It opens after five failures, asks others first, and closes by a probe; all of it is told."""
    with staged(tmp_path, {"bad": {"priority": 0}, "good": {"priority": 1}}) as stage:
        stage.providers["bad"].fail_next("status", times=5, status=500)
        assert stage.served(5) == {"good": 5}
        assert stage.seen() == {"bad": 5, "good": 5}
        assert stage.conditions()["bad"]["state"] == "open"
        assert stage.figures()["deployments_open"] == 1
        assert stage.served(3) == {"good": 3}
        assert stage.seen()["bad"] == 5
        shown = stage.explained()["candidates"]
        told = [(each["deployment"], each["state"], each["last_resort"]) for each in shown]
        assert told == [("good", "closed", False), ("bad", "open", True)]
        assert within(PATIENCE_S, lambda: stage.chat() == "bad")
        assert stage.conditions()["bad"]["state"] == "closed"
        assert stage.seen()["bad"] == 6


def test_the_last_resort(tmp_path: Path) -> None:
    """When all breakers are open the providers are asked all the same: nothing is refused."""
    with staged(tmp_path, {"a": {"routing": {"retries": 0}}, "b": {}}) as stage:
        for provider in stage.providers.values():
            provider.fail_next("status", times=5, status=500)
        for _ in range(5):
            with pytest.raises(openai.InternalServerError):
                stage.chat()
        assert {each["state"] for each in stage.conditions().values()} == {"open"}
        stage.chat()
        assert "closed" in {each["state"] for each in stage.conditions().values()}


@STREAM
def test_hedging(tmp_path: Path, *, stream: bool) -> None:
    """The second speaks first; the first is cancelled, and its prompt is charged."""
    routing = {"routing": {"hedge": {"after_s": 0.2}}}
    with staged(tmp_path, {"slow": {"priority": 0} | routing, "quick": {"priority": 1}}) as stage:
        stage.providers["slow"].fail_next("hang_before_headers")
        began = time.monotonic()
        assert stage.chat(stream=stream) == "quick"
        assert 0.2 - EARLY_S <= time.monotonic() - began < PATIENCE_S
        [row] = stage.rows(1)
        told = json.loads(row["attempts"])
        assert attempts(row) == [("slow", "outpaced"), ("quick", None)]
        assert told[0]["cost_nano"] > 0
        assert row["cost_nano"] == sum(each["cost_nano"] for each in told)
        assert row["estimated"] == 1
        assert stage.chat(stream=stream) == "slow"
        assert stage.seen() == {"slow": 2, "quick": 1}


def test_two_workers_tell_each_other(tmp_path: Path) -> None:
    """Over Redis a breaker that one has opened is open for the other too, and closed again."""
    require()
    deployments = {"bad": {"priority": 0}, "good": {"priority": 1}}
    with redis_running(tmp_path / "redis") as redis:
        settings = {"REDIS_URL": redis.url}
        with (
            staged(tmp_path / "one", deployments, settings) as one,
            staged(tmp_path / "two", deployments, settings, one.providers) as two,
        ):
            one.providers["bad"].fail_next("status", times=5, status=500)
            assert one.served(5) == {"good": 5}
            assert within(PATIENCE_S, lambda: _state(two, "bad") == "open")
            assert two.chat() == "good"
            assert within(PATIENCE_S, lambda: one.chat() == "bad")
            assert within(PATIENCE_S, lambda: _state(two, "bad") == "closed")


def _state(stage: Stage, deployment: str) -> str:
    found: str = stage.conditions().get(deployment, {}).get("state", "never asked")
    return found
