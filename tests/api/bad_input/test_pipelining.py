"""Several requests on one connection, sent without waiting for the answers between them."""

import json

import pytest

from tests.api.bad_input.conftest import Strict
from tests.api.raw import Wire, chat, connected, get, post

LONG = chat(b'"stream":true').replace(b"hello there", b"word" + b" word" * 29_999)
"""A stream that waits for its client to read when the next request is looked at."""


def _read_stream(wire: Wire, *, begun: bool = False) -> None:
    """Read a stream of `LONG`, which must be whole; `begun`: its first line was read."""
    answer = wire.answer(status=200 if begun else None)
    assert answer.status == 200
    assert answer.body.count(b'"content":') == 30_001
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_answers_come_in_order(strict: Strict) -> None:
    """Each request has its own answer, in the order of the requests, whatever their kind."""
    texts = [f"question {number}" for number in range(50)]
    requests = []
    for number, text in enumerate(texts):
        body = chat(b'"stream":true' if number % 3 else b"").replace(b"hello there", text.encode())
        requests += [post(body, strict.auth), get(), get(b"/nope-%d" % number)]
    with connected(strict.url) as wire:
        wire.send(b"".join(requests))
        for number, text in enumerate(texts):
            answer = wire.answer()
            if number % 3:
                assert answer.body.endswith(b"data: [DONE]\n\n")
                assert text.split()[1].encode() in answer.body
            else:
                assert json.loads(answer.body)["choices"][0]["message"]["content"] == text
            assert wire.answer().status == 200
            assert f"/nope-{number})" in wire.answer().error["message"]


def test_requests_in_any_pieces(strict: Strict) -> None:
    """Where the bytes of two requests are cut into packets makes no difference."""
    both = post(chat(), strict.auth) + post(chat(b'"n":0'), strict.auth) + get()
    with connected(strict.url) as wire:
        for size in (1, 7, 100):
            for at in range(0, len(both), size):
                wire.send(both[at : at + size])
            assert [wire.answer().status for _ in range(3)] == [200, 400, 200]


def test_very_many_requests(strict: Strict) -> None:
    """A flood on one connection is answered to the last request, and held back meanwhile."""
    count = 3000
    with connected(strict.url) as wire:
        wire.send(get() * count)
        assert {wire.answer().status for _ in range(count)} == {200}


def test_nothing_follows_a_farewell(strict: Strict) -> None:
    """After a request that says `connection: close` nothing more is served."""
    with connected(strict.url) as wire:
        wire.send(get(b"/health", b"connection: close") + get())
        answer = wire.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert wire.ends()


def test_head_has_no_body_to_mistake_for_an_answer(strict: Strict) -> None:
    """After a HEAD the next bytes are the next answer."""
    path = b"/v1/chat/completions"
    with connected(strict.url) as wire:
        wire.send(get(path, strict.auth, method=b"HEAD") + get())
        assert wire.answer(head=True).status == 405
        assert wire.answer().status == 200


BEHIND = {
    "garbage": b"\0\1\2\r\n\r\n",
    "a-large-head": get(b"/health", *(b"x-%d: y" % number for number in range(300))),
    "a-head-without-an-end": get(b"/health", b"x: " + b"y" * 400_000)[:-4],
    "broken-chunks": get(b"/v1/models", b"transfer-encoding: chunked", method=b"POST") + b"zz\r\n",
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("together", [True, False], ids=["together", "later"])
def test_a_bad_request_behind_a_stream(strict: Strict, behind: bytes, *, together: bool) -> None:
    """What cannot be read does not harm the answer that is under way; then the connection ends."""
    with connected(strict.url, window_bytes=4096) as wire:
        if together:
            wire.send(post(LONG, strict.auth) + behind)
        else:
            wire.send(post(LONG, strict.auth))
            assert wire.line() == b"HTTP/1.1 200 OK\r\n"
            wire.send(behind)
        _read_stream(wire, begun=not together)
        assert wire.ends()


def test_a_request_behind_a_stream_waits(strict: Strict) -> None:
    """The answer to a request that was sent during a stream stands behind the stream."""
    with connected(strict.url, window_bytes=4096) as wire:
        wire.send(post(LONG, strict.auth) + post(chat(b'"n":0'), strict.auth) + get())
        _read_stream(wire)
        assert wire.answer().status == 400
        assert wire.answer().status == 200


def test_a_refused_body_is_not_read_as_a_request(strict: Strict) -> None:
    """The body of a request that was refused before it came is never taken for another request."""
    smuggled = get(b"/smuggled-by-body")
    with connected(strict.url) as wire:
        wire.send(post(b"", b"authorization: Bearer wrong", length=len(smuggled)))
        assert wire.answer().status == 401
        wire.send(smuggled)
        assert wire.ends()

    assert "/smuggled-by-body" not in strict.gateway.log
