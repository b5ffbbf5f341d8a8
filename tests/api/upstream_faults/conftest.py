"""A server with little patience before three upstreams: two simulators and one that is scripted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, chat, exchange, post
from tests.api.traces import opened, settled
from tests.api.upstream_faults.scripted import Scripted, scripted
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import away, running

CONNECT_S, FIRST_BYTE_S, IDLE_S = 1.0, 1.2, 0.7
PATIENCE_S = "60"
"""Of a model whose provider is to be left by its client and not for its silence."""
HOLD_S, KEEP_ALIVE_S = 0.5, 0.25
EARLY_S = 0.002
"""A timer of the loop counts whole milliseconds from a turn's beginning: it may fire early."""
TICK_S = 0.1
"""How often the server looks at its limits."""
SETTINGS = SECRETS | {
    "CONNECT_TIMEOUT_S": str(CONNECT_S),
    "FIRST_BYTE_TIMEOUT_S": str(FIRST_BYTE_S),
    "IDLE_TIMEOUT_S": str(IDLE_S),
    "HOLD_STATUS_S": str(HOLD_S),
    "KEEP_ALIVE_S": str(KEEP_ALIVE_S),
}
INPUT_NANO, OUTPUT_NANO = 150, 600
"""What a token costs by the documents here, in nano-dollars."""
STREAM = b'"stream":true'
DONE = b"data: [DONE]\n\n"
PAIRS = [f"pair.{number}" for number in range(16)]
"""Models like `pair`, for tests that must not find what others hold against its deployments."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and its upstreams.

    Models: `plain` (first), `patient` (first, waited for long), `pair` (first and second), `odd`.
    """

    gateway: Gateway
    first: OpenAISimulator
    second: OpenAISimulator
    odd: Scripted
    lines: int = 0

    def ask(self, model: str, *, stream: bool, lines: tuple[bytes, ...] = ()) -> Answer:
        """Ask for a chat completion, each time on a new client connection."""
        body = chat(STREAM if stream else b"", model.encode())
        return exchange(self.gateway.url, post(body, *lines))

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The settlements of this test; waits for so many. Each belongs to one admission."""
        within(3.0, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count
        assert len(opened(self.gateway)) == len(settled(self.gateway))
        return lines

    def failed(self, answer: Answer, status: int, code: str) -> dict[str, Any]:
        """Check a failure in its envelope that costs nothing; return how it was settled."""
        assert (answer.status, answer.error["code"]) == (status, code)
        assert (answer.header("x-request-id") or "").startswith("req_")
        [line] = self.settled()
        assert line["request_id"] == answer.header("x-request-id")
        assert (line["outcome"], line["error"], line["cost_nano"]) == ("failed", code, 0)
        assert line["first_content_s"] is None
        return line


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        running(OpenAISimulator()) as first,
        running(OpenAISimulator()) as second,
        scripted() as odd,
    ):

        def model(code: str, id_: str, endpoint: str) -> dict[str, Any]:
            account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
            return document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account) | {"id": id_}

        patient = model("patient", "patient", first.base_url)
        patient["parameters"]["timeout"] = PATIENCE_S
        documents = [
            model("plain", "plain", first.base_url),
            patient,
            model("pair", "pair-1", first.base_url),
            model("pair", "pair-2", second.base_url),
            model("odd", "odd", odd.base_url),
        ]
        for code in PAIRS:
            documents.append(model(code, f"{code}-1", first.base_url))
            documents.append(model(code, f"{code}-2", second.base_url))
        folder = tmp_path_factory.mktemp("faults")
        settings = SETTINGS | watched(folder)
        with serving(folder, documents, settings) as gateway, no_circles(gateway):
            yield Stage(gateway, first, second, odd)


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    """Everything as new, but for connections that are kept; the server has not crashed."""
    whole_stage.first.reset()
    whole_stage.second.reset()
    whole_stage.odd.says()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()


@pytest.fixture(name="fresh_stage")
def _fresh_stage(stage: Stage) -> Stage:
    """The same without kept connections: whatever fails now fails on a new one."""
    for upstream in (stage.first, stage.second):
        with away(upstream):
            pass
    return stage
