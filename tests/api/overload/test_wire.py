"""On bare sockets: refused before the body is read, and what becomes of the connection."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.limits.stage import Stage
from tests.api.overload.place import (
    MODEL,
    OVERLOADED,
    ask_for,
    authorization,
    comes_to,
    empty,
    figures,
    full,
    place,
    text_of,
)
from tests.api.raw import Answer, Wire, connected, get, post

MIB = 1024 * 1024
NO_QUEUE = {"MAX_CONCURRENT_REQUESTS": 1, "MAX_QUEUED_REQUESTS": 0}


def body(text: str, size: int = 0) -> bytes:
    """A chat request of about this many bytes."""
    return json.dumps(ask_for(text + " " + "x" * size)).encode()


def is_refusal(answer: Answer) -> None:
    """Check the words."""
    assert (answer.status, answer.error["code"]) == (503, OVERLOADED)
    assert answer.header("retry-after") is not None
    assert answer.header("x-should-retry") == "true"


@pytest.fixture(scope="module", name="narrow")
def _narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with place(tmp_path_factory.mktemp("narrow"), **NO_QUEUE) as stage:
        stage.hand_out(one={})
        yield stage


@pytest.fixture(name="stage")
def _stage(narrow: Stage) -> Iterator[Stage]:
    narrow.upstream.reset()
    yield narrow
    assert empty(narrow)
    narrow.gateway.check()


def test_a_whole_request_keeps_its_connection(stage: Stage) -> None:
    """Its body is there already: the next request on the same connection is served."""
    with full(stage), connected(stage.gateway.url) as wire:
        wire.send(post(body("next"), authorization(stage, "one")))
        answer = wire.answer()
        is_refusal(answer)
        assert answer.header("connection") is None
        wire.send(get(b"/health"))
        assert wire.answer().status == 200
    with connected(stage.gateway.url) as wire:
        wire.send(post(body("next"), authorization(stage, "one")))
        assert wire.answer().status == 200


def test_a_body_that_has_not_come_is_not_waited_for(stage: Stage) -> None:
    """The answer comes before the body, says that the connection ends, and that is the truth."""
    with full(stage), connected(stage.gateway.url) as wire:
        wire.send(post(b"", authorization(stage, "one"), length=MIB))
        answer = wire.answer()
        is_refusal(answer)
        assert answer.header("connection") == "close"
        wire.send(b"x" * MIB)
        assert wire.ends()


def test_nobody_is_told_to_go_on(stage: Stage) -> None:
    """Who asks whether to send its body at all is answered with the refusal only."""
    with full(stage), connected(stage.gateway.url) as wire:
        expects = b"expect: 100-continue"
        wire.send(post(b"", expects, authorization(stage, "one"), length=MIB))
        assert wire.line() == b"HTTP/1.1 503 Service Unavailable\r\n"
        is_refusal(wire.answer(status=503))


def test_without_a_valid_key_nothing_is_said_of_the_load(stage: Stage) -> None:
    """401 as ever, and 413 for what would never be taken."""
    with full(stage), connected(stage.gateway.url) as wire:
        wire.send(post(body("next"), b"authorization: Bearer sk-none"))
        assert wire.answer().status == 401
        wire.send(post(b"", authorization(stage, "one"), length=10**9))
        assert wire.answer().status == 413


def test_who_leaves_while_it_waits(tmp_path: Path) -> None:
    """Its place is free, the provider never hears of it, and whoever is behind it goes on."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=1, QUEUE_TIMEOUT_S=30) as stage:
        stage.hand_out(one={})
        url = stage.gateway.url
        with connected(url) as leaves, connected(url) as stays:
            with full(stage):
                leaves.send(post(body("leaves"), authorization(stage, "one")))
                assert comes_to(stage, queued=1)
                stays.send(post(body("stays"), authorization(stage, "one")))
                assert comes_to(stage, queued=2)
                leaves.leave()
                assert comes_to(stage, queued=1, left=1)
            assert stays.answer().status == 200
        assert [text_of(each) for each in stage.upstream.requests] == ["first", "stays"]
        assert empty(stage)
        assert stage.requests_in_log(" 499 POST /v1/chat/completions") == 2, "and the first"


def test_streams_have_their_room_to_the_end(stage: Stage) -> None:
    """A stream that goes on keeps others out; when its client leaves there is room."""
    stage.upstream.fail_next("hang_mid_stream", times=1, contains="endless ", after_events=2)
    with connected(stage.gateway.url) as wire:
        asked = json.dumps(ask_for("endless ", stream=True)).encode()
        wire.send(post(asked, authorization(stage, "one")))
        assert wire.head()[0] == 200
        assert wire.line()
        assert stage.chat("one", MODEL).error["code"] == OVERLOADED
        assert figures(stage)["running"] == 1
        wire.reset()
    assert within(5, lambda: stage.chat("one", MODEL).status == 200)


def slow(stage: Stage, wire: Wire, whole: bytes) -> None:
    """Send the head and the beginning of a large body."""
    wire.send(post(whole[:1000], authorization(stage, "one"), length=len(whole)))


def test_slow_uploads_hold_their_bytes(tmp_path: Path) -> None:
    """Large bodies wait for the bytes of slow ones; small calls are served meanwhile."""
    sizes = {"MAX_BODY_BYTES": MIB, "MAX_BODY_BYTES_IN_MEMORY": 4 * MIB}
    large = body("large", 950_000)
    with place(tmp_path, QUEUE_TIMEOUT_S=30, **sizes) as stage:
        stage.hand_out(one={}, other={})
        with (
            connected(stage.gateway.url) as first,
            connected(stage.gateway.url) as second,
            connected(stage.gateway.url) as third,
            connected(stage.gateway.url) as fourth,
            connected(stage.gateway.url) as grows,
        ):
            for wire in (first, second, third):
                slow(stage, wire, large)
            assert comes_to(stage, running=3, queued=0, body_bytes=3 * len(large))
            fourth.send(post(large, authorization(stage, "one")))
            assert comes_to(stage, running=3, queued=1)
            assert stage.chat("other", MODEL).status == 200
            assert [len(each.body) < MIB // 2 for each in stage.upstream.requests] == [True]

            head = get(
                b"/v1/chat/completions",
                b"content-type: application/json",
                b"transfer-encoding: chunked",
                authorization(stage, "other"),
                method=b"POST",
            )
            grows.send(head + b"%x\r\n%b\r\n" % (len(large), large))
            answer = grows.answer()
            is_refusal(answer)
            assert answer.header("connection") == "close"

            first.send(large[1000:])
            assert first.answer().status == 200
            assert fourth.answer().status == 200
            second.reset()
            third.send(large[1000:])
            assert third.answer().status == 200
        assert empty(stage)
        assert figures(stage)["refused_growth"] == 1


def test_large_bodies_at_the_provider(tmp_path: Path) -> None:
    """A body holds its bytes until its call ends: so many are under way at once, and no more."""
    sizes = {"MAX_BODY_BYTES": MIB, "MAX_BODY_BYTES_IN_MEMORY": 4 * MIB}
    large = ask_for("large " + "x" * 900_000)
    with place(tmp_path, QUEUE_TIMEOUT_S=30, **sizes) as stage:
        stage.hand_out(one={})
        stage.upstream.fail_next("timing", times=None, contains="large ", delay_ms=400)
        statuses: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: statuses.append(
                    stage.ask("one", "POST", "/v1/chat/completions", large).status
                )
            )
            for _ in range(9)
        ]
        most = 0.0
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            most = max(most, figures(stage)["body_bytes"])
        assert statuses == [200] * 9
        assert 2.6 * MIB < most <= 3.5 * MIB
        assert empty(stage)
