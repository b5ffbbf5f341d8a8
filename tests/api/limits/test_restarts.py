"""A budget in the middle of its month, over restarts: nothing is forgotten, nothing stays held."""

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.api.asking import within
from tests.api.limits.bursts import OK, burst
from tests.api.limits.restarts import again, ended
from tests.api.limits.stage import CHAT, TOKEN, Stage, counted, counting, sent_bytes
from tests.api.raw import connected, post
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

IN_TOKEN = Decimal("0.0001")
PRICED = {"currency": "USD", "cost_input_1Mtokens": 100, "cost_output_1Mtokens": 1000}
USED, MOST = 4, 8
BODY = counting("counted", USED, MOST)
COST = 9 * IN_TOKEN + USED * TOKEN
BOUND = sent_bytes(BODY) * IN_TOKEN + MOST * TOKEN
BUDGET = 40 * COST
TOTAL = {"cost_total": float(BUDGET)}
MONTH = {"cost_per_month": float(BUDGET)}
WIDE = {"requests_total": 1000, "tokens_per_minute": 10**6, "tokens_per_day": 10**6}
HANGING = 5
BEFORE = {"finished": 10, "aborted": 2, "failed": 3, "refused": 2}
AFTER = BEFORE | {"interrupted": HANGING}


def use(stage: Stage) -> None:
    """Make calls that end in every way."""
    for number in range(BEFORE["finished"]):
        assert stage.chat("both", "counted", USED, MOST, stream=number % 2 == 1).status == 200
    stage.upstream.fail_next("status", times=BEFORE["failed"], status=500)
    for _ in range(BEFORE["failed"]):
        assert stage.chat("both", "counted", USED, MOST).status == 502
    stage.upstream.fail_next("status", times=BEFORE["refused"], status=400)
    for _ in range(BEFORE["refused"]):
        assert stage.chat("both", "counted", USED, MOST).status == 400
    stage.upstream.fail_next("hang_mid_stream", times=BEFORE["aborted"], after_events=3)
    for _ in range(BEFORE["aborted"]):
        leave(stage)


def leave(stage: Stage) -> None:
    """Ask for a stream, and go when it has begun."""
    key = b"authorization: Bearer " + stage.keys["both"].key.encode()
    body = b'{"model":"counted","messages":[{"role":"user","content":"count to 4"}],'
    with connected(stage.gateway.url) as wire:
        wire.send(post(body + b'"max_tokens":8,"stream":true}', key))
        assert wire.head()[0] == 200
        assert wire.line()
        wire.reset()


def hang(stage: Stage) -> list[threading.Thread]:
    """Make calls that are in flight when the server ends."""
    served = len(stage.upstream.requests)
    stage.upstream.fail_next("hang_before_headers", times=HANGING)

    def one() -> None:
        with suppress(OSError):
            stage.chat("both", "counted", USED, MOST)

    threads = [threading.Thread(target=one) for _ in range(HANGING)]
    for thread in threads:
        thread.start()
    assert within(10, lambda: len(stage.upstream.requests) == served + HANGING)
    _, held = stage.told("both", "project cost_per_month")
    assert held == HANGING * BOUND
    return threads


def used_as_in_the_ledger(stage: Stage, rows: list[dict[str, Any]]) -> Decimal:
    """Check that all limits of the key and its project say what the rows add up to."""
    cost = sum((Decimal(row["cost"]) for row in rows), Decimal(0))
    tokens = sum(row["usage"]["input_tokens"] + row["usage"]["output_tokens"] for row in rows)
    requests = sum(row["counted"] for row in rows)
    assert stage.told("both", "key cost_total") == (cost, 0)
    assert stage.told("both", "project cost_per_month") == (cost, 0)
    assert stage.told("both", "key requests_total") == (requests, 0)
    assert stage.told("both", "key tokens_per_minute") == (tokens, 0)
    assert stage.told("both", "key tokens_per_day") == (tokens, 0)
    return cost


def affordable(used: Decimal) -> int:
    """How many calls fit into what is left, one after the other."""
    return int((BUDGET - BOUND - used) // COST) + 1


def test_nothing_is_forgotten(tmp_path: Path) -> None:
    """Over a crash and an orderly end: what was used counts on, and the rest is spent to the end.

    What failed was given back, and what was in flight is charged with its prompt.
    """
    with running(OpenAISimulator()) as upstream:
        documents = [counted("counted", upstream, costs=PRICED)]
        with ended("kill", tmp_path, upstream, documents) as stage:
            stage.hand_out(both={"limits": WIDE | TOTAL, "project_limits": MONTH})
            use(stage)
            rows = stage.rows("both", sum(BEFORE.values()))
            assert Counter(row["outcome"] for row in rows) == BEFORE
            before = used_as_in_the_ledger(stage, rows)
            threads = hang(stage)
        for thread in threads:
            thread.join()
        upstream.reset()

        with again(stage, tmp_path) as stage:
            rows = stage.rows("both", sum(AFTER.values()))
            assert Counter(row["outcome"] for row in rows) == AFTER
            used = used_as_in_the_ledger(stage, rows)
            assert used == before + HANGING * -(-sent_bytes(BODY) // 4) * IN_TOKEN
            fit = affordable(used)
            client = stage.async_client("both", timeout=60)
            outcomes = asyncio.run(burst([client], 60, used=USED, most=MOST))
            done = outcomes[OK]
            assert 0 < done <= fit
        assert len(upstream.requests) == done

        with again(stage, tmp_path) as stage:
            assert stage.told("both", "key cost_total") == (used + done * COST, 0)
            spend_the_rest(stage, fit - done)
            stage.spent(used + fit * COST, len(rows) + fit, key=stage.keys["both"].id)


def spend_the_rest(stage: Stage, fit: int) -> None:
    """One call after the other: so many, and not one more."""
    before = len(stage.upstream.requests)
    for _ in range(fit):
        assert stage.ask("both", "POST", CHAT, BODY).status == 200
    refusal = stage.ask("both", "POST", CHAT, BODY)
    assert (refusal.status, refusal.error["code"]) == (429, "insufficient_quota")
    assert len(stage.upstream.requests) == before + fit
    used, held = stage.told("both", "project cost_per_month")
    assert held == 0
    assert used <= BUDGET < used + BOUND
