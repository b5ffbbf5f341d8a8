"""Every cell: the status, the envelope, who was asked how often, the time, the ledger's row."""

from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.matrix.conftest import Found
from tests.api.matrix.fates import Fate, Kind, Promise, Shape, promised
from tests.api.matrix.stage import ANSWER, CELLS, SPARE, Seen, Stage
from tests.api.matrix.table import Row, slug
from tests.api.traces import memory_bytes
from tests.simulators.faults import Fault, FaultKind

EARLY_S = 0.002
"""A timer of the loop counts whole milliseconds from a turn's beginning: it may fire early."""
SLACK_S = 8.0
"""What a busy machine may add to a limit."""
MUCH_S = 60.0
"""The same where 100 MB are made, carried and read."""
MOST_MB = 600
"""What a server may have held at most: it passes on 100 MB in one piece."""
INPUT_NANO, OUTPUT_NANO = 150, 600
"""What a token costs by the documents here, in nano-dollars."""
KEYS = {"message", "type", "param", "code"}


EACH_CELL = pytest.mark.parametrize(
    ("row", "stream"), CELLS, ids=[slug(row, stream=stream) for row, stream in CELLS]
)


@EACH_CELL
def test_what_the_client_sees(stage: Stage, found: Found, row: Row, *, stream: bool) -> None:
    """The status, the envelope, the time, and who was asked how often are as promised."""
    fate = row.fate(stream=stream)
    promise = promised(fate, stage.shape)
    code = slug(row, stream=stream)
    with found.cell(row.name, stage.shape, stream=stream) as cell:
        seen = stage.seen(code, stream=stream)
        records = stage.providers.requests(code)

        _check_answer(seen, row, fate, promise)
        at_faulty = 0 if row.away else promise.asked[0]
        assert (len(records), seen.at_sound) == (at_faulty, promise.asked[1])
        slack_s = MUCH_S if row.patient else SLACK_S
        assert promise.least_s - EARLY_S <= seen.seconds <= promise.most_s + slack_s
        if fate.lasts_s:
            for record in records:
                record.wait_until_over()
                assert record.disconnected_after_ms is not None, "a silent provider was not left"
        stage.gateway.check()
        cell |= {"status": seen.status, "code": seen.code, "raised": fate.kind is Kind.RAISED}


@EACH_CELL
def test_the_row_in_the_ledger(stage: Stage, found: Found, row: Row, *, stream: bool) -> None:
    """One row tells how the call ended, which deployments were asked, and what it cost."""
    promise = promised(row.fate(stream=stream), stage.shape)
    code = slug(row, stream=stream)
    with found.cell(row.name, stage.shape, stream=stream) as cell:
        line = stage.row(stage.seen(code, stream=stream).headers["x-request-id"])

        _check_row(line, code, promise, stage.shape)
        _check_cost(line, promise)
        attempts = [[each["deployment"], each["error"]] for each in line["attempts"]]
        cell |= {"outcome": line["outcome"], "attempts": attempts}


def test_the_memory_after_all_of_it(stage: Stage) -> None:
    """No fault makes the server hold more than its largest answer a few times."""
    for row, stream in CELLS:
        if row.patient:
            stage.seen(slug(row, stream=stream), stream=stream)
    if not Path("/proc/self/status").exists():
        pytest.skip("there is no /proc to read the peak of memory from")
    assert memory_bytes(stage.gateway.process.pid, "VmHWM") < MOST_MB * 1024**2


def _check_answer(seen: Seen, row: Row, fate: Fate, promise: Promise) -> None:
    """Check what the client saw: all of an answer, or an error that it cannot overlook."""
    assert (seen.status, seen.code) == (promise.status, promise.code)
    if promise.code is None:
        assert seen.raised is None
        huge = fate.kind is Kind.ANSWERED and row.kind is FaultKind.HUGE
        grown = Fault().huge_bytes if huge else 0
        assert len(seen.text) == grown + len(ANSWER)
        assert seen.text[:grown].count("x") == grown
        assert seen.text[grown:] == ANSWER
        return
    assert seen.error is not None
    assert seen.error.keys() == KEYS
    assert isinstance(seen.error["message"], str)
    assert isinstance(seen.error["type"], str)
    if fate.kind is Kind.RAISED:
        assert seen.raised is openai.APIError
        words = seen.text.split()
        assert len(words) >= 1
        assert seen.text != ANSWER
        return
    assert seen.text == ""
    assert seen.headers["x-should-retry"] == ("true" if fate.should_retry else "false")
    assert seen.headers.get("retry-after") == fate.retry_after


def _check_row(line: dict[str, Any], code: str, promise: Promise, shape: Shape) -> None:
    """Check the ledger's row: the model that answered or failed, and every attempt in order."""
    assert (line["outcome"], line["error"]) == (promise.outcome, promise.code)
    stood_in = shape is Shape.FALLBACK and promise.asked[1] > 0
    assert line["model"] == (SPARE if stood_in else code)
    elsewhere = SPARE if shape is Shape.FALLBACK else f"{code}.2"
    first, second = promise.asked
    deployments = [f"{code}.1"] * first + [elsewhere] * second
    assert line["deployment"] == deployments[-1]
    attempts = [(each["deployment"], each["error"]) for each in line["attempts"]]
    assert attempts == list(zip(deployments, promise.attempts, strict=True))


def _check_cost(line: dict[str, Any], promise: Promise) -> None:
    """Check that answers cost what their provider said, broken ones an estimate, failures 0."""
    tokens_in, tokens_out = line["input_tokens"], line["output_tokens"]
    assert line["cost_nano"] == tokens_in * INPUT_NANO + tokens_out * OUTPUT_NANO
    if promise.code is None:
        assert tokens_in > 0
        assert tokens_out >= len(ANSWER.split())
        assert line["estimated"] == 0
    elif promise.status == 200:
        assert tokens_in > 0 < tokens_out
        assert line["estimated"] == 1
    else:
        assert tokens_in == tokens_out == 0
