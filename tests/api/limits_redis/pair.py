"""Two servers over one data folder and one Redis, before a simulated provider."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import openai

from tests.api.asking import within
from tests.api.limits.bursts import burst
from tests.api.limits.stage import TOKEN, Stage, counted, staged
from tests.redis_server import RedisServer
from tests.redis_server import running as redis_running
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

FIT, USED, MOST = 100, 4, 8
BOUND, COST = MOST * TOKEN, USED * TOKEN
BUDGET = (FIT - 1) * COST + BOUND
"""Into it exactly `FIT` calls fit: the last one needs room for its bound, and what is left then is
too little for another."""
LIMIT = "key cost_total"
AGREED_S = 20.0


@dataclass(frozen=True)
class Pair:
    """Two servers, of which each knows all keys, and their Redis."""

    stages: tuple[Stage, Stage]
    redis: RedisServer

    @property
    def upstream(self) -> OpenAISimulator:
        """The provider behind both."""
        return self.stages[0].upstream

    async def burst(self, name: str, calls: int, *, max_retries: int) -> Counter[str]:
        """Make so many calls at once, in turn at both servers, every third streamed."""
        clients = [
            stage.async_client(name, max_retries=max_retries, timeout=60) for stage in self.stages
        ]
        return await burst(clients, calls, used=USED, most=MOST, refusals=openai.APIStatusError)

    def told(self, name: str) -> list[tuple[Decimal, Decimal]]:
        """What is used and held of the budget, as each server says it; waits for an answer."""
        found: list[tuple[Decimal, Decimal]] = []
        for stage in self.stages:
            assert within(AGREED_S, lambda stage=stage: self._knows(stage, name))
            found.append(stage.told(name, LIMIT))
        return found

    def _knows(self, stage: Stage, name: str) -> bool:
        answer = stage.ask(name, "GET", "/v1/usage")
        return answer.status == 200 and bool(answer.json["limits"])

    def use_up(self, name: str, calls: int) -> None:
        """Make exactly so many more calls, one after the other; the next one finds it spent."""
        for number in range(calls):
            assert within(AGREED_S, lambda number=number: self._chats(number, name))
        refusal = self.stages[1].chat(name, "counted", USED, MOST)
        assert (refusal.status, refusal.error["code"]) == (429, "insufficient_quota")
        assert refusal.headers["x-should-retry"] == "false"

    def _chats(self, number: int, name: str) -> bool:
        answer = self.stages[number % 2].chat(name, "counted", USED, MOST)
        if answer.status != 200:
            assert answer.error["code"] == "limits_unavailable", answer.body
            time.sleep(0.1)
        return answer.status == 200


@contextmanager
def pair(
    folder: Path,
    *,
    kept: bool = False,
    settings: Mapping[str, str] | None = None,
    upstream: OpenAISimulator | None = None,
    before: Pair | None = None,
) -> Iterator[Pair]:
    """Serve twice. With `kept` Redis finds after a crash what it knew.

    With `before` over the data of another pair, which has ended.
    """
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(folder / "redis", kept=kept))
        if upstream is None:
            upstream = stack.enter_context(running(OpenAISimulator()))
        told = {"REDIS_URL": redis.url, "LLMPROXY_DATA_DIR": str(folder / "data")}
        told |= settings or {}
        stages = []
        for number in range(2):
            own = folder / f"server-{number}"
            own.mkdir(exist_ok=True)
            documents = [] if number or before else [counted("counted", upstream)]
            stages.append(stack.enter_context(staged(own, upstream, documents, told)))
        keys = stages[0].keys if before is None else before.stages[0].keys
        stages = [replace(each, keys=keys) for each in stages]
        yield Pair((stages[0], stages[1]), redis)


def with_budget(both: Pair, name: str) -> None:
    """Make a key with the budget, known to both."""
    both.stages[0].hand_out(**{name: {"limits": {"cost_total": float(BUDGET)}}})
    both.told(name)
