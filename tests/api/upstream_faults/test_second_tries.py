"""Other deployments and other connections: what is tried again, and how often."""

import pytest

from tests.api.raw import Answer, chat, exchange, post
from tests.api.upstream_faults.conftest import DONE, PAIRS, Stage
from tests.simulators.faults import FaultKind

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def _both(stage: Stage, *, stream: bool, pair: str = "pair") -> list[Answer]:
    """Two calls of a pair: each deployment is asked first once."""
    return [stage.ask(pair, stream=stream) for _ in range(2)]


FAILING = [
    ("status", {"status": 500}),
    ("status", {"status": 429}),
    ("status", {"status": 401}),
    (FaultKind.RESET_BEFORE_HEADERS, {}),
    (FaultKind.RESET_AFTER_HEADERS, {}),
    (FaultKind.GARBAGE, {}),
    (FaultKind.HTML, {}),
    (FaultKind.NULL, {}),
]


@BOTH
@pytest.mark.parametrize("number", range(len(FAILING)), ids=[str(each[0]) for each in FAILING])
def test_failover(fresh_stage: Stage, number: int, *, stream: bool) -> None:
    """Before the first content a failure moves to the other deployment, and nobody notices."""
    kind, measures = FAILING[number]
    fresh_stage.first.fail_next(kind, times=None, **measures)
    pair = PAIRS[2 * number + stream]
    answers = _both(fresh_stage, stream=stream, pair=pair)
    lines = fresh_stage.settled(2)

    assert [answer.status for answer in answers] == [200, 200]
    first, second = f"{pair}-1", f"{pair}-2"
    assert {answer.header("x-llmproxy-deployment") for answer in answers} == {second}
    tried = sorted([each["deployment"] for each in line["attempts"]] for line in lines)
    assert tried == [[first, second], [second]]
    assert {line["outcome"] for line in lines} == {"finished"}


def test_failover_after_the_role(stage: Stage) -> None:
    """The role is no content: an error right behind it still moves to the other deployment."""
    stage.first.fail_next(FaultKind.ERROR_FRAME, times=None, after_events=1)
    answers = _both(stage, stream=True)

    assert [answer.status for answer in answers] == [200, 200]
    assert all(answer.body.count(b'"role"') == 1 for answer in answers)
    assert all(answer.body.endswith(DONE) for answer in answers)
    stage.settled(2)


def test_an_error_after_the_role_is_a_status(stage: Stage) -> None:
    """Without another deployment it is a real status, not a frame."""
    stage.first.fail_next(FaultKind.ERROR_FRAME, after_events=1)
    stage.failed(stage.ask("plain", stream=True), 502, "upstream_error")


@BOTH
def test_a_refusal_does_not_move(stage: Stage, *, stream: bool) -> None:
    """What one deployment refuses because of the request is not tried on the next."""
    for upstream in (stage.first, stage.second):
        upstream.fail_next("status", status=400)
    answer = stage.ask("pair", stream=stream)

    assert answer.status == 400
    assert len(stage.first.requests) + len(stage.second.requests) == 1
    assert len(stage.settled()[0]["attempts"]) == 1


@BOTH
def test_all_deployments_fail(stage: Stage, *, stream: bool) -> None:
    """When none is left the last failure is told, and every attempt is on record once."""
    for upstream in (stage.first, stage.second):
        upstream.fail_next("status", status=503)
    line = stage.failed(stage.ask("pair", stream=stream), 502, "upstream_error")

    assert sorted(each["deployment"] for each in line["attempts"]) == ["pair-1", "pair-2"]
    assert [len(stage.first.requests), len(stage.second.requests)] == [1, 1]


@BOTH
def test_a_stale_connection(stage: Stage, *, stream: bool) -> None:
    """A kept connection that the upstream has closed is replaced without a word."""
    stage.first.fail_next(FaultKind.STALE_KEEP_ALIVE)
    for _ in range(3):
        assert stage.ask("plain", stream=stream).status == 200
    stage.settled(3)


@BOTH
@pytest.mark.parametrize("kind", [FaultKind.CLOSE_BEFORE_HEADERS, FaultKind.RESET_BEFORE_HEADERS])
def test_a_connection_that_dies_under_the_request(
    stage: Stage, kind: FaultKind, *, stream: bool
) -> None:
    """Closed before one byte of an answer on a kept connection: sent once more, not twice more."""
    assert stage.ask("plain", stream=stream).status == 200
    stage.first.fail_next(kind)
    assert stage.ask("plain", stream=stream).status == 200
    assert len(stage.first.requests) == 3

    stage.first.fail_next(kind, times=2)
    assert stage.ask("plain", stream=stream).status == 502
    assert len(stage.first.requests) == 5
    stage.settled(3)


def test_a_large_request_through_a_stale_connection(stage: Stage) -> None:
    """The request that is sent once more is the same, to the byte."""
    body = chat(b'"user":"%b"' % (b"x" * 3_000_000), b"plain")
    assert stage.ask("plain", stream=False).status == 200
    stage.first.fail_next(FaultKind.CLOSE_BEFORE_HEADERS)
    assert exchange(stage.gateway.url, post(body)).status == 200

    assert stage.first.requests[1].body == stage.first.requests[2].body
    stage.settled(2)
