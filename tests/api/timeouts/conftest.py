"""A server before one simulator and one scripted upstream, with limits that tests can await."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, chat, exchange, post
from tests.api.timeouts.stuck import Stuck, stuck
from tests.api.traces import settled
from tests.api.upstream_faults.scripted import Scripted, scripted
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

CONNECT_S, FIRST_S, IDLE_S, TOTAL_S = 0.6, 0.9, 0.5, 2.5
EARLY_S, SLACK_S = 0.002, 3.0
KEEP_ALIVE_S = 0.2
SETTINGS = SECRETS | {
    "CONNECT_TIMEOUT_S": str(CONNECT_S),
    "FIRST_BYTE_TIMEOUT_S": str(FIRST_S),
    "IDLE_TIMEOUT_S": str(IDLE_S),
    "TOTAL_TIMEOUT_S": str(TOTAL_S),
    "HOLD_STATUS_S": "30",
    "KEEP_ALIVE_S": str(KEEP_ALIVE_S),
}
STREAM = b'"stream":true'
OWN: dict[str, dict[str, float]] = {
    "own-connect": {"connect_s": 0.2},
    "own-first": {"first_token_s": 0.3},
    "own-idle": {"between_tokens_s": 1.2},
    "own-total": {"total_s": 0.8},
    "own-all": {"connect_s": 3, "first_token_s": 3, "between_tokens_s": 3, "total_s": 6},
}
"""Models whose document states limits of its own."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Models: `plain`, those of OWN (all the simulator's), `odd`, `full`, `mute`, `own-mute`."""

    gateway: Gateway
    simulator: OpenAISimulator
    odd: Scripted
    lines: int = 0

    def ask(self, model: str, *lines: bytes, stream: bool = False) -> Answer:
        """Ask for a chat completion, each time on a new client connection."""
        body = chat(STREAM if stream else b"", model.encode())
        return exchange(self.gateway.url, post(body, *lines))

    def line(self) -> dict[str, Any]:
        """How the only call of this test was settled."""
        within(5.0, lambda: len(settled(self.gateway)) > self.lines)
        [line] = settled(self.gateway)[self.lines :]
        return line

    def late(self, answer: Answer, code: str, limit_s: float) -> None:
        """Check a call that was not answered in time, before its first content."""
        assert (answer.status, answer.error["code"]) == (504, code)
        assert answer.header("x-should-retry") == "true"
        line = self.line()
        assert (line["outcome"], line["error"], line["cost_nano"]) == ("failed", code, 0)
        assert [each["error"] for each in line["attempts"]] == [code]
        assert limit_s - EARLY_S <= line["duration_s"] < limit_s + SLACK_S


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(OpenAISimulator()) as simulator, scripted() as odd, stuck() as places:
        documents = _documents(simulator.base_url, odd.base_url, places)
        folder = tmp_path_factory.mktemp("timeouts")
        settings = SETTINGS | watched(folder)
        with serving(folder, documents, settings) as gateway, no_circles(gateway):
            yield Stage(gateway, simulator, odd)


def _documents(simulator: str, odd: str, places: Stuck) -> list[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}

    def model(code: str, endpoint: str, **further: object) -> dict[str, Any]:
        return document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account) | further

    return [
        model("plain", simulator),
        *(model(code, simulator, timeouts=limits) for code, limits in OWN.items()),
        model("odd", odd),
        model("full", places.full),
        model("own-full", places.full, timeouts=OWN["own-connect"]),
        model("mute", places.mute),
    ]


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    whole_stage.simulator.reset()
    whole_stage.odd.says()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()
