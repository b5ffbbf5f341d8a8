"""Clients that leave early: in good order, by a reset, or by simply going quiet."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.api.asking import within
from tests.api.bad_input.conftest import Strict
from tests.api.raw import Wire, chat, connected, get, post
from tests.api.traces import journal, open_files, opened, settled

SOON_S = 6.0
LONG = chat(b'"stream":true').replace(b"hello there", b"word" + b" word" * 29_999)


Leave = Callable[[Wire], None]
LEAVING: list[Leave] = [Wire.leave, Wire.reset, Wire.say_no_more]

STAGES = {
    "before-a-byte": lambda _auth: b"",
    "in-the-request-line": lambda _auth: b"POST /v1/ch",
    "in-the-head": lambda _auth: post(chat())[:60],
    "behind-the-head": lambda auth: post(b"", auth, length=100),
    "in-the-body": lambda auth: post(chat()[:20], auth, length=100),
    "in-a-chunk": lambda auth: (
        get(b"/v1/chat/completions", auth, b"transfer-encoding: chunked", method=b"POST")
        + b"100\r\n{"
    ),
    "waiting-to-be-asked": lambda auth: post(b"", auth, b"expect: 100-continue", length=100),
    "in-a-large-body": lambda auth: post(b" " * 900_000, auth, length=1_000_000),
}


def _all_are_gone(strict: Strict, files: int) -> bool:
    """Whether the server soon holds no more than these files."""
    return within(SOON_S, lambda: open_files(strict.gateway.process.pid) <= files)


@pytest.mark.parametrize("leave", LEAVING, ids=["close", "reset", "half"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_before_the_request_is_complete(
    strict: Strict, stage: Callable[[bytes], bytes], leave: Leave
) -> None:
    """A request that never became complete is never admitted, and nothing is kept of it."""
    before, files = journal(strict.gateway), open_files(strict.gateway.process.pid)
    for _ in range(20):
        with connected(strict.url) as wire:
            wire.send(stage(strict.auth))
            leave(wire)
    assert _all_are_gone(strict, files)

    assert journal(strict.gateway) == before


@pytest.mark.parametrize("leave", LEAVING[:2], ids=["close", "reset"])
@pytest.mark.parametrize("body", [chat(), LONG], ids=["plain", "stream"])
def test_right_behind_the_request(strict: Strict, body: bytes, leave: Leave) -> None:
    """A call whose client is gone is settled once, as finished or as aborted."""
    known = {line["request_id"] for line in settled(strict.gateway)}
    for _ in range(20):
        with connected(strict.url) as wire:
            wire.send(post(body, strict.auth))
            leave(wire)
    assert within(SOON_S, lambda: len(opened(strict.gateway)) == len(settled(strict.gateway)))

    new = [line for line in settled(strict.gateway) if line["request_id"] not in known]
    assert {line["outcome"] for line in new} <= {"finished", "aborted"}
    assert len({line["request_id"] for line in new}) == len(new)


def test_in_the_middle_of_a_stream(strict: Strict) -> None:
    """A client that stops reading and leaves ends its stream: it is settled as aborted."""
    before = len(settled(strict.gateway))
    for _ in range(5):
        with connected(strict.url, window_bytes=4096) as wire:
            wire.send(post(LONG, strict.auth))
            assert wire.line() == b"HTTP/1.1 200 OK\r\n"
            wire.reset()
    assert within(SOON_S, lambda: len(settled(strict.gateway)) == before + 5)

    last = settled(strict.gateway)[-5:]
    assert {(line["outcome"], line["error"]) for line in last} == {("aborted", None)}


def test_in_the_middle_of_a_stream_with_requests_behind(strict: Strict) -> None:
    """Requests that wait behind a stream are not begun when their client has left."""
    before = len(opened(strict.gateway))
    with connected(strict.url, window_bytes=4096) as wire:
        wire.send(post(LONG, strict.auth) + post(chat(), strict.auth) * 5)
        assert wire.line() == b"HTTP/1.1 200 OK\r\n"
        wire.reset()
    assert within(SOON_S, lambda: len(opened(strict.gateway)) == len(settled(strict.gateway)))

    assert len(opened(strict.gateway)) == before + 1
    assert settled(strict.gateway)[-1]["outcome"] == "aborted"


def test_a_thousand_connections_that_stop_in_mid_word(strict: Strict) -> None:
    """Idle connections cost little and keep nobody else from being served."""
    files = open_files(strict.gateway.process.pid)
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(connected(strict.url)).send(b"GET /health HT")
        assert strict.serves()
        assert open_files(strict.gateway.process.pid) > files + 900
    assert _all_are_gone(strict, files)
