"""Vercel's AI SDK: `@ai-sdk/openai-compatible`, and `@ai-sdk/openai` by chat and by responses."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.stage import BUSY, CHAT, EMBEDDER, WINDOW_S, Stage, reported
from tests.simulators.operations.embeddings import DIMENSIONS

PROGRAMS = Path(__file__).parents[1] / "vercel"
NODE = os.environ.get("LLMPROXY_NODE") or shutil.which("node")
MISSING = NODE is None or not (PROGRAMS / "node_modules/ai").is_dir()
# In CI nothing is skipped: what is missing lets the tests fail.
pytestmark = pytest.mark.skipif(
    MISSING and os.environ.get("CI") != "true",
    reason="node or the packages of tests/integrations/vercel are missing (see scripts/test)",
)
ANSWER = "Simulated answer to: hello there"
WAYS = ("compatible", "chat", "responses")
EARLY_MS = 20


def node(stage: Stage, program: str, *arguments: str, **variables: str) -> Any:  # noqa: ANN401
    """Run a program; its report."""
    words = [str(NODE), str(PROGRAMS / program), *arguments]
    return reported(words, stage.environment | variables)


@pytest.mark.parametrize("way", WAYS)
def test_answers(stage: Stage, way: str) -> None:
    """Text, a stream, a tool that is called and answered, and objects come as the SDK promises."""
    got = node(stage, "answers.mjs", way, CHAT)

    assert got["text"] == got["streamed"]["text"] == ANSWER
    assert got["finishReason"] == got["streamed"]["finishReason"] == "stop"
    assert got["streamed"]["pieces"] > 1
    assert got["streamed"]["error"] is None
    assert got["usage"] == got["streamedUsage"]
    assert all(got["usage"])
    assert got["requestID"]
    [[name, given]] = got["steps"][0]
    assert (name, set(given)) == ("get_weather", {"city"})
    told = f"It is sunny in {given['city']}.".encode()
    assert sum(told in record.body for record in stage.openai.requests) >= 2
    if way != "responses":  # whose simulator calls the tool again whatever it was told
        assert len(got["steps"]) == 2
        assert told.decode() in got["said"]
        assert told.decode() in got["saidInAStream"]
    assert got["output"] == got["object"] == got["lastPartial"]
    assert set(got["output"]) == {"name", "city"}
    assert all(isinstance(value, str) and value for value in got["output"].values())


def test_embeddings(stage: Stage) -> None:
    """One vector for each text, by both packages."""
    got = node(stage, "embeddings.mjs", EMBEDDER)
    assert set(got) == {"compatible", "openai"}
    for found in got.values():
        assert found["lengths"] == [DIMENSIONS] * 4
        assert found["same"]
        assert found["tokens"] > 0


@pytest.mark.parametrize("way", WAYS)
def test_failures(stage: Stage, way: str) -> None:
    """Every error has its status and OpenAI's code; only what may help is tried again."""
    limited = stage.limited_key()
    plan = stage.openai.fail_next
    plan("status", status=500, model=BUSY)
    plan("status", status=429, model=BUSY, headers={"retry-after-ms": "600"}, times=2)
    plan(model=BUSY)  # the third of these answers
    plan("error_frame", model=BUSY, after_events=4)
    plan("cut_mid_stream", model=BUSY, after_events=4)
    plan("error_frame", model=BUSY, after_events=4)
    got = node(stage, "failures.mjs", way, BUSY, CHAT, "missing", LIMITED_API_KEY=limited)

    seen = {name: got[name] for name in ("noKey", "unknownModel", "overTheLimit", "failed")}
    assert {name: (each["status"], each["code"]) for name, each in seen.items()} == {
        "noKey": (401, "invalid_api_key"),
        "unknownModel": (404, "model_not_found"),
        "overTheLimit": (429, "rate_limit_exceeded"),
        "failed": (502, "upstream_error"),
    }
    assert {name: each["retryable"] for name, each in seen.items()} == {
        "noKey": False,
        "unknownModel": False,
        "overTheLimit": True,
        "failed": True,
    }
    assert all(each["class"] == "AI_APICallError" and each["requestID"] for each in seen.values())
    assert 1 <= int(got["overTheLimit"]["retryAfter"]) <= WINDOW_S
    assert got["streamOverTheLimit"]["error"]["status"] == 429
    assert got["retried"] == ANSWER
    # The provider's own wish reaches the SDK each time, and is kept.
    assert [status for status, _ in got["attempts"]] == [429, 429, 200]
    asked_ms = [int(asked) for status, asked in got["attempts"] if status == 429]
    assert all(600 - EARLY_MS <= each <= 600 for each in asked_ms), asked_ms
    assert got["retriedAfterMs"] >= sum(asked_ms) - EARLY_MS
    for broken in (got["errorInTheStream"], got["cut"]):
        assert broken["error"] is not None
        assert broken["toldOnError"] == 1
        assert broken["text"] != ANSWER
    # docs/integrations.md tells both: a stream of text ends as if it were whole, and what no retry
    # mends is tried again, although the gateway says x-should-retry: false.
    assert got["textAlone"] != ANSWER
    assert got["hopeless"]["status"] == 502
    assert got["hopeless"]["retried"] is (way == "compatible")
