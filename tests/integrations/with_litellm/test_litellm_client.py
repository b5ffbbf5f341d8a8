"""LiteLLM's SDK and Router as clients; each program is a process of its own."""

import sys
from pathlib import Path
from typing import Any

from tests.integrations.stage import BUSY, CHAT, EMBEDDER, WINDOW_S, Stage, reported
from tests.simulators.operations.embeddings import DIMENSIONS

HERE = Path(__file__).parent
ANSWER = "Simulated answer to: hello there"
# Else it asks GitHub for a newer table of prices at its import.
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def program(stage: Stage, name: str, *arguments: str, **variables: str) -> Any:  # noqa: ANN401
    """Run a program; its report."""
    words = [sys.executable, str(HERE / name), *arguments]
    return reported(words, stage.environment | OFFLINE | variables)


def test_answers(stage: Stage) -> None:
    """Plain, streamed, with a tool, structured, embedded: the SDK gets what the upstream said."""
    got = program(stage, "answers.py", CHAT, EMBEDDER)

    assert got["text"] == got["streamed"] == got["streamedAsynchronously"] == ANSWER
    assert got["chunks"] > 3
    assert got["finish"] == "stop"
    assert got["usage"] == got["usageOfTheStream"]
    assert all(got["usage"])
    assert (got["tools"]["name"], got["tools"]["arguments"]) == (
        "get_weather",
        {"city": "example city"},
    )
    assert got["tools"]["said"] == "The tool said: It is sunny."
    assert got["object"] == {"name": "example name", "vegan": True}
    assert got["lengths"] == [DIMENSIONS, DIMENSIONS]


def test_failures_and_router(stage: Stage) -> None:
    """Errors have OpenAI's classes; a Router turns to its other deployment when one is busy."""
    limited = stage.limited_key()
    plan = stage.openai.fail_next
    plan("status", status=500, model=BUSY)
    plan("cut_mid_stream", model=BUSY, after_events=4)
    plan("status", status=429, model=BUSY, headers={"retry-after": "1"}, times=None)
    got = program(stage, "failures.py", BUSY, "small", CHAT, LIMITED_API_KEY=limited)

    errors = {name: each for name, each in got.items() if "class" in each}
    assert {name: (each["class"], each["status"]) for name, each in errors.items()} == {
        "noKey": ("AuthenticationError", 401),
        "unknownModel": ("NotFoundError", 404),
        "overTheLimit": ("RateLimitError", 429),
        "failed": ("BadGatewayError", 502),
        "cut": ("MidStreamFallbackError", 500),
    }
    assert 1 <= int(got["overTheLimit"]["retryAfter"]) <= WINDOW_S
    assert got["router"]["said"] == [ANSWER, ANSWER]
