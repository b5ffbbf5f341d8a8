"""Times that are told are true: not a second earlier, and not later.

A minute is the shortest window. So that no test has to wait for one, these begin with what a dead
worker has left in its journal (ARCHITECTURE.md, "The journal"): calls of about 50 seconds ago.
"""

import json
import time
from pathlib import Path
from typing import Any

from tests.api.asking import Answer
from tests.api.limits.restarts import again
from tests.api.limits.stage import Holder, Stage, counted, staged
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

WORKER = "00112233445566ff"
AGO_S = 54.0
STEP_S = 2
LIMITS = {"requests": 3, "tokens": 300, "cost": 0.02}
USAGE = [60, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, False]
COST_NANO = 6_000_000


def left_behind(holder: Holder, number: int, at: float) -> dict[str, Any]:
    """The settlement of a call: 100 tokens, 0.006 USD."""
    attempt = {
        "deployment": "counted",
        "error": None,
        "duration_s": 0.1,
        "status": 200,
        "usage": USAGE,
        "cost_nano": COST_NANO,
    }
    return {
        "request_id": f"req_dead_{number}",
        "at": at,
        "key_id": holder.id,
        "project": holder.project,
        "model": "counted",
        "operation": "ChatCompletion",
        "deployment": "counted",
        "outcome": "finished",
        "status": 200,
        "error": None,
        "attempts": [attempt],
        "usage": USAGE,
        "cost_nano": COST_NANO,
        "currency": "USD",
        "counted": 1,
        "duration_s": 0.1,
        "first_content_s": None,
        "overhead_s": 0.0,
        "stream": False,
        "tags": [],
    }


def wait_ms(refusal: Answer) -> int:
    """How long a refused call is told to wait."""
    assert (refusal.status, refusal.error["code"]) == (429, "rate_limit_exceeded")
    told = int(refusal.headers["retry-after-ms"])
    assert int(refusal.headers["retry-after"]) == -(-told // 1000)
    return told


def asked(stage: Stage, name: str) -> Answer:
    """A call that may use 0.008 USD."""
    return stage.chat(name, "counted", 4, 8)


def test_waiting_as_long_as_told(tmp_path: Path) -> None:
    """Until just before it is refused, each time for what is left; then there is room."""
    with running(OpenAISimulator()) as upstream:
        with staged(tmp_path, upstream, [counted("counted", upstream)]) as stage:
            stage.hand_out(
                **{
                    measure: {"limits": {f"{measure}_per_minute": most}}
                    for measure, most in LIMITS.items()
                }
            )
        at = time.time() - AGO_S
        lines: list[dict[str, Any]] = [{"journal": 2, "worker": WORKER, "number": 1}]
        for holder in stage.keys.values():
            lines += [left_behind(holder, len(lines) + each, at) for each in range(3)]
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (tmp_path / "data" / "journal" / f"{WORKER}-000001.jsonl").write_text(text)
        with again(stage, tmp_path) as stage:
            _wait(stage, at)


def _wait(stage: Stage, at: float) -> None:
    frees_at = (at // STEP_S + 1) * STEP_S + 60
    told = {}
    for measure in LIMITS:
        before = time.time()
        refusal = asked(stage, measure)
        told[measure] = time.time() + wait_ms(refusal) / 1000
        assert frees_at - 0.01 <= told[measure] <= frees_at + (time.time() - before) + 0.01
    assert stage.upstream.requests == []
    time.sleep(max(0.0, frees_at - 0.5 - time.time()))
    for measure in LIMITS:
        refusal = asked(stage, measure)
        if time.time() < frees_at:
            assert wait_ms(refusal) <= 500
    time.sleep(max(0.0, max(told.values()) - time.time()))
    for measure in LIMITS:
        answer = asked(stage, measure)
        assert answer.status == 200, answer.body
    assert len(stage.upstream.requests) == len(LIMITS)
