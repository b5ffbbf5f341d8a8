"""Bodies whose length is in doubt, too large, broken or late."""

import select
import socket
import time

import pytest

from tests.api.bad_input.conftest import BODY_TIMEOUT_S, MAX_BODY_BYTES, Strict
from tests.api.raw import Answer, chat, connected, exchange, get, post
from tests.api.traces import journal

CHUNKED = b"transfer-encoding: chunked"
KIND = b"content-type: application/json"
GIB = 1024 * 1024 * 1024


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _head(strict: Strict, *lines: bytes) -> bytes:
    return get(b"/v1/chat/completions", KIND, strict.auth, *lines, method=b"POST")


def _refused(strict: Strict, request: bytes) -> Answer:
    before = journal(strict.gateway)
    answer = exchange(strict.url, request)
    assert answer.error["type"] == "invalid_request_error"
    assert answer.header("connection") == "close"
    assert journal(strict.gateway) == before
    return answer


LENGTHS = {
    "negative": [b"content-length: -5"],
    "with-a-sign": [b"content-length: +60"],
    "words": [b"content-length: many"],
    "empty": [b"content-length:"],
    "hexadecimal": [b"content-length: 0x10"],
    "decimal": [b"content-length: 60.0"],
    "beyond-64-bits": [b"content-length: " + b"9" * 30],
    "with-a-space-inside": [b"content-length: 6 0"],
    "twice-and-different": [b"content-length: 60", b"content-length: 61"],
    "twice-and-equal": [b"content-length: 60", b"content-length: 60"],
    "a-list": [b"content-length: 60, 60"],
    "a-space-before-the-colon": [b"content-length : 60"],
    "with-chunks": [b"content-length: 60", CHUNKED],
    "after-chunks": [CHUNKED, b"content-length: 60"],
    "not-chunked-at-last": [b"transfer-encoding: chunked, identity"],
    "a-coding-that-is-none": [b"transfer-encoding: xchunked"],
    "a-coding-without-an-end": [b"transfer-encoding: gzip"],
    "a-space-before-chunked": [b"transfer-encoding : chunked"],
    "a-folded-line": [b"transfer-encoding:\r\n chunked"],
}


@pytest.mark.parametrize("lines", LENGTHS.values(), ids=LENGTHS)
def test_doubtful_lengths(strict: Strict, lines: list[bytes]) -> None:
    """Where two readers could disagree on the end of a body, the request is refused and closed."""
    body = chat()
    answer = _refused(strict, _head(strict, *lines) + body + get(b"/smuggled"))

    assert (answer.status, answer.error["code"]) == (400, "invalid_http")
    assert "/smuggled" not in strict.gateway.log


CHUNKS = {
    "no-size": b"hello\r\n",
    "empty-size": b"\r\nhello\r\n",
    "negative-size": b"-5\r\nhello\r\n",
    "a-size-beyond-64-bits": b"fffffffffffffffff\r\nhello",
    "longer-than-its-size": b"2\r\nhello\r\n0\r\n\r\n",
    "line-feeds-only": b"5\nhello\n0\n\n",
    "no-line-end-behind-it": b"5\r\nhello0\r\n\r\n",
    "a-bad-trailer": b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "a-null-in-an-extension": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_broken_chunks(strict: Strict, chunks: bytes) -> None:
    """Chunks that break off the rules end the request in a 400 and the connection."""
    answer = _refused(strict, _head(strict, CHUNKED) + chunks)

    assert (answer.status, answer.error["code"]) == (400, "invalid_http")


def test_chunks_are_read(strict: Strict) -> None:
    """A body in chunks is a body, also byte by byte, with extensions and trailers."""
    body = chat()
    whole = b"".join(_chunk(body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n"
    odd = b"%X;name=value\r\n%b\r\n000\r\nx-sum: 1\r\n\r\n" % (len(body), body)

    for chunks in (whole, odd):
        assert exchange(strict.url, _head(strict, CHUNKED) + chunks).status == 200


def test_trailers_are_no_headers(strict: Strict) -> None:
    """A key behind the body is too late: the caller was asked for it before."""
    head = get(b"/v1/chat/completions", KIND, CHUNKED, method=b"POST")
    answer = exchange(strict.url, head + _chunk(chat()) + b"0\r\n" + strict.auth + b"\r\n\r\n")

    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def test_a_body_over_the_limit_is_refused_by_its_length(strict: Strict) -> None:
    """413 comes before one byte of the body, also to a client that waits to be asked for it."""
    for lines in ((), (b"expect: 100-continue",)):
        for size in (MAX_BODY_BYTES + 1, 1000 * GIB):
            started = time.monotonic()
            with connected(strict.url) as wire:
                wire.send(post(b"", strict.auth, *lines, length=size))
                assert wire.line().startswith(b"HTTP/1.1 413 ")
            assert time.monotonic() - started < BODY_TIMEOUT_S

    answer = _refused(strict, post(b"", strict.auth, length=GIB))
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


def test_a_body_over_the_limit_without_a_length(strict: Strict) -> None:
    """413 comes when the limit is passed: the rest is not read into memory."""
    piece = _chunk(b" " * 65_000)
    sent = 0
    with connected(strict.url) as wire:
        wire.send(_head(strict, CHUNKED))
        wire.socket.settimeout(0.02)
        while sent < 64 * MAX_BODY_BYTES and not _answered(wire.socket):
            wire.socket.sendall(piece)
            sent += len(piece)
        wire.socket.settimeout(5)
        answer = wire.answer()

    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert sent < 16 * MAX_BODY_BYTES


def _answered(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def test_a_body_of_the_very_limit(strict: Strict) -> None:
    """The limit itself is allowed, one byte more is not."""
    body = chat(b'"x":"%b"' % (b"y" * (MAX_BODY_BYTES - len(chat()) - 7)))
    assert len(body) == MAX_BODY_BYTES

    assert strict.post(body).status == 200
    assert strict.refuses(body + b" ").status == 413
    chunks = _head(strict, CHUNKED) + _chunk(body + b" ") + b"0\r\n\r\n"
    assert exchange(strict.url, chunks).status == 413


def test_a_key_is_asked_for_before_the_body(strict: Strict) -> None:
    """Who has no key cannot make the gateway wait for a body or keep one."""
    started = time.monotonic()
    answer = exchange(strict.url, post(b"{", length=1000))

    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert time.monotonic() - started < BODY_TIMEOUT_S


STALLED = {
    "nothing-comes": (b"content-length: 100", b""),
    "half-comes": (b"content-length: 100", b'{"model":'),
    "no-chunk-comes": (CHUNKED, b""),
    "half-a-chunk-comes": (CHUNKED, b"100\r\n{"),
    "the-last-chunk-is-missing": (CHUNKED, _chunk(chat())),
    "the-trailers-do-not-end": (CHUNKED, _chunk(chat()) + b"0\r\nx: y\r\n"),
}


@pytest.mark.parametrize(("framing", "sent"), STALLED.values(), ids=STALLED)
def test_a_stalled_upload(strict: Strict, framing: bytes, sent: bytes) -> None:
    """A body that stops arriving is a 408 after BODY_TIMEOUT_S of silence, and the end."""
    started = time.monotonic()
    answer = _refused(strict, _head(strict, framing) + sent)

    assert (answer.status, answer.error["code"]) == (408, "request_timeout")
    assert BODY_TIMEOUT_S * 0.9 < time.monotonic() - started < BODY_TIMEOUT_S + 1


def test_endless_trailers_end(strict: Strict) -> None:
    """Trailers that go on for ever are a body that does not arrive, and are not kept."""
    trailers = b"x-trailer: value\r\n" * 3000
    started = time.monotonic()
    with connected(strict.url) as wire:
        wire.send(_head(strict, CHUNKED) + _chunk(chat()) + b"0\r\n")
        while not _answered(wire.socket) and time.monotonic() - started < 5:
            wire.send(trailers)
        answer = wire.answer()

    assert answer.status == 408


def test_an_upload_that_is_only_slow(strict: Strict) -> None:
    """Silence is what is limited, not time: a body that keeps coming is waited for."""
    body = chat()
    with connected(strict.url) as wire:
        wire.send(post(b"", strict.auth, length=len(body)))
        for at in range(0, len(body), 20):
            time.sleep(BODY_TIMEOUT_S / 4)
            wire.send(body[at : at + 20])
        assert wire.answer().status == 200


def test_a_client_that_waits_to_be_asked(strict: Strict) -> None:
    """`expect: 100-continue` is answered with 100, and then with the answer."""
    with connected(strict.url) as wire:
        wire.send(post(b"", strict.auth, b"expect: 100-continue", length=len(chat())))
        assert wire.line() == b"HTTP/1.1 100 Continue\r\n"
        assert wire.line() == b"\r\n"
        wire.send(chat())
        assert wire.answer().status == 200


def test_an_answer_before_the_body_is_read_by_who_still_sends(strict: Strict) -> None:
    """A refused upload that goes on does not lose its answer to a reset connection."""
    with connected(strict.url) as wire:
        wire.send(post(b" " * 200_000, b"authorization: Bearer wrong", length=MAX_BODY_BYTES))
        wire.send(b" " * 800_000)
        answer = wire.answer()
        assert answer.status == 401
        assert answer.header("connection") == "close"
        assert wire.ends()
