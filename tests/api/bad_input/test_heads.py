"""Heads of requests: methods, paths, versions, header lines, and what is no HTTP at all."""

import random
import time

import pytest

from tests.api.bad_input.conftest import Strict
from tests.api.raw import Answer, chat, connected, exchange, get, post
from tests.api.traces import journal

HOST = b"host: localhost\r\n"
CHANCE = random.Random(1)  # noqa: S311 - the same bytes in every run
HELLO_TLS = bytes.fromhex("16030102000100 01fc0303") + CHANCE.randbytes(500)


def _refused(strict: Strict, request: bytes) -> Answer:
    before = journal(strict.gateway)
    answer = exchange(strict.url, request)
    assert answer.error["type"] == "invalid_request_error"
    assert answer.header("connection") == "close"
    assert journal(strict.gateway) == before
    return answer


NOT_HTTP = {
    "garbage": bytes(range(256)),
    "random": CHANCE.randbytes(5000),
    "a-tls-hello": HELLO_TLS,
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "smtp": b"EHLO example.com\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "a-proxy-preface": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(),
    "nul": b"\0" * 1000,
    "json": chat() + b"\r\n\r\n",
    "no-such-method": b"FETCH / HTTP/1.1\r\n" + HOST + b"\r\n",
    "small-letters": b"get /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "http-1.2": b"GET /health HTTP/1.2\r\n" + HOST + b"\r\n",
    "http-11": b"GET /health HTTP/11\r\n" + HOST + b"\r\n",
    "a-tunnel": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "line-feeds-only": b"GET /health HTTP/1.1\nhost: localhost\n\n",
    "a-line-feed-in-a-value": get(b"/health", b"x: a\nx-evil: 1"),
    "a-return-in-a-value": get(b"/health", b"x: a\rb"),
    "nul-in-a-value": get(b"/health", b"x: a\0b"),
    "nul-in-a-name": get(b"/health", b"x\0: a"),
    "nul-in-the-path": get(b"/hea\0lth"),
    "a-control-character-in-the-path": get(b"/hea\x01lth"),
    "bytes-beyond-ascii-in-the-path": get(b"/\xff\xfe"),
    "a-folded-line": get(b"/health", b"x: a\r\n b"),
    "no-colon": get(b"/health", b"x"),
    "no-name": get(b"/health", b": x"),
    "a-space-in-a-name": get(b"/health", b"x y: z"),
    "bytes-beyond-ascii-in-a-name": get(b"/health", b"\xff: x"),
    "a-path-without-a-slash": get(b"health"),
    "a-host-that-is-empty": get(b"http:///health"),
    "a-port-that-is-none": get(b"http://localhost:99999/health"),
}


@pytest.mark.parametrize("request_", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http(strict: Strict, request_: bytes) -> None:
    """Bytes that are no request of HTTP/1.1 get a 400 that says so, and the connection ends."""
    with connected(strict.url) as wire:
        wire.send(request_ + b"\r\n\r\n")
        answer = wire.answer()
        assert wire.ends()

    assert (answer.status, answer.error["code"]) == (400, "invalid_http")
    assert answer.header("connection") == "close"


LARGE = {
    "10000-headers": get(b"/health", *(b"x-%d: y" % number for number in range(10_000))),
    "201-headers": get(b"/health", *(b"x-%d: y" % number for number in range(201))),
    "a-header-of-1-mb": get(b"/health", b"x: " + b"y" * 1_000_000),
    "a-name-of-1-mb": get(b"/health", b"x" * 1_000_000 + b": y"),
    "a-path-of-1-mb": get(b"/" + b"x" * 1_000_000),
    "a-query-of-1-mb": get(b"/health?" + b"x=y&" * 250_000),
    "a-key-of-1-mb": get(b"/v1/models", b"authorization: Bearer " + b"x" * 1_000_000),
    "cookies-of-1-mb": get(b"/health", *[b"cookie: a=" + b"x" * 10_000] * 100),
    "a-head-that-never-ends": get(b"/health", b"x: " + b"y" * 1_000_000)[:-4],
}


@pytest.mark.parametrize("request_", LARGE.values(), ids=LARGE)
def test_large_heads(strict: Strict, request_: bytes) -> None:
    """A head that passes the bounds is a 431, however it is made up."""
    answer = _refused(strict, request_)

    assert (answer.status, answer.error["code"]) == (431, "request_header_fields_too_large")


def test_heads_below_the_bounds(strict: Strict) -> None:
    """Long but bounded heads are read, bytes beyond ASCII in a value too."""
    for request in (
        get(b"/health?" + b"x=y&" * 2_000),
        get(b"/health", b"x: " + b"y" * 30_000),
        get(b"/health", *(b"x-%d: y" % number for number in range(150))),
        get(b"/health", b"x: \xff\xe9", b"y:", b"z:\t a \t"),
        b"\r\n\r\n" + get(),
    ):
        assert exchange(strict.url, request).status == 200


METHODS = [b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"TRACE", b"PROPFIND"]


@pytest.mark.parametrize("method", METHODS)
def test_wrong_method(strict: Strict, method: bytes) -> None:
    """Where only POST works the others are a 405 that says so; HEAD has no body."""
    answer = exchange(strict.url, get(b"/v1/embeddings", strict.auth, method=method))

    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert (answer.header("x-request-id") or "").startswith("req_")
    if method == b"HEAD":
        assert answer.body == b""
    else:
        assert answer.error["code"] == "method_not_supported"


@pytest.mark.parametrize("path", [b"/health", b"/v1/models", b"/metrics"])
@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS"])
def test_wrong_method_of_the_control_plane(strict: Strict, path: bytes, method: bytes) -> None:
    """There it is the same envelope, and GET is what is allowed."""
    answer = exchange(strict.url, get(path, strict.auth, method=method))

    assert answer.status == 405
    assert answer.error["code"] == "method_not_supported"
    assert "GET" in (answer.header("allow") or "")


PATHS = [
    b"/nope",
    b"/v1",
    b"/v1/",
    b"/v1/embeddings/",
    b"/V1/chat/completions",
    b"/v1/chat/completions;x=1",
    b"//v1/chat/completions",
    b"/v1//chat/completions",
    b"/./v1/chat/completions",
    b"/x/../v1/chat/completions",
    b"/%2e%2e/v1/chat/completions",
    b"/v1/chat/completions%00",
    b"/v1/chat/completions%0d%0ax-evil:%201",
    b"/v1/chat/completions%20",
    b"/%zz",
    b"/%",
    b"/%ff%fe%ed%a0%80",
    b"/<script>alert(1)</script>",
    b"/" + b"x" * 10_000,
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30].decode())
@pytest.mark.parametrize("make", [get, lambda path, auth: post(chat(), auth, path=path)])
def test_unknown_paths(strict: Strict, path: bytes, make: object) -> None:
    """A path is what it is: no dots, slashes or capitals are mended; the rest is a 404."""
    assert callable(make)
    answer = exchange(strict.url, make(path, strict.auth))

    assert (answer.status, answer.error["code"]) == (404, "unknown_url")
    assert len(answer.error["message"]) < 400
    assert answer.header("x-evil") is None
    assert (answer.header("x-request-id") or "").startswith("req_")


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/chat/completions?x=1",
        b"/v1/chat/%63ompletions",
        b"http://localhost/v1/chat/completions",
        b"http://elsewhere.example/v1/chat/completions?a=b",
    ],
)
def test_other_spellings_of_the_path(strict: Strict, path: bytes) -> None:
    """A query, an escaped letter and the absolute form lead to the same operation."""
    assert exchange(strict.url, post(chat(), strict.auth, path=path)).status == 200


@pytest.mark.parametrize("name", [b"%ff%fe", b"..%2f..%2fetc", b"x" * 5_000, b"a/b"])
def test_unknown_models_by_path(strict: Strict, name: bytes) -> None:
    """A model that is asked for by path is a 404 in bounded words too."""
    answer = exchange(strict.url, get(b"/v1/models/" + name, strict.auth))

    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert len(answer.error["message"]) < 400


def test_http_1_0(strict: Strict) -> None:
    """HTTP/1.0 is answered without chunks, and the connection ends."""
    for more in (b"", b'"stream":true'):
        request = post(chat(more), strict.auth).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        with connected(strict.url) as wire:
            wire.send(request)
            answer = wire.answer()
            assert wire.ends()
        assert answer.status == 200
        assert answer.header("transfer-encoding") is None
        assert answer.body.rstrip().endswith(b"data: [DONE]" if more else b"}")


OFFERS = {
    "http-2": [
        b"connection: Upgrade, HTTP2-Settings",
        b"upgrade: h2c",
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ],
    "websocket": [
        b"connection: keep-alive, Upgrade",
        b"upgrade: websocket",
        b"sec-websocket-version: 13",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
    "unknown": [b"connection: upgrade", b"upgrade: foo/2, bar"],
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_offers_of_another_protocol(strict: Strict, offer: list[bytes]) -> None:
    """An offer to change the protocol is passed over; the request itself is served.

    A GET that asks for a WebSocket where there is none is the last of its connection.
    """
    body = chat()
    chunked = get(
        b"/v1/chat/completions", strict.auth, b"transfer-encoding: chunked", *offer, method=b"POST"
    )
    with connected(strict.url) as wire:
        for request in (
            post(body, strict.auth, *offer),
            chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
            post(body, strict.auth),
            get(b"/health", *offer),
        ):
            wire.send(request)
            assert wire.answer().status == 200


def test_offers_in_pieces_and_in_heaps(strict: Strict) -> None:
    """An offer byte by byte is the same offer; many of them in one piece are not followed."""
    request = post(chat(), strict.auth, *OFFERS["http-2"])
    with connected(strict.url) as wire:
        for at in range(len(request)):
            wire.send(request[at : at + 1])
        assert wire.answer().status == 200
    with connected(strict.url) as wire:
        wire.send(get(b"/health", *OFFERS["http-2"]) * 1000)
        assert wire.answer().status == 200
        assert wire.ends()


def test_keys_in_two_headers(strict: Strict) -> None:
    """Of two Authorization headers one counts, the last: a wrong one is never helped by another."""
    wrong = b"authorization: Bearer sk-wrong"
    assert exchange(strict.url, post(chat(), strict.auth, wrong)).status == 401
    assert exchange(strict.url, post(chat(), wrong, b"api-key: " + strict.key)).status == 401


@pytest.mark.parametrize(
    "line",
    [
        b"authorization: Bearer",
        b"authorization: Bearer ",
        b"authorization:",
        b"authorization: Basic c2VjcmV0",
        b"authorization: Bearer \xff\xfe",
        b"authorization: Bearer " + b"x" * 20_000,
        b"api-key: ' OR 1=1 --",
        b"x-api-key:",
    ],
    ids=lambda line: line[:30].decode("latin-1"),
)
def test_keys_that_are_none(strict: Strict, line: bytes) -> None:
    """What is no key is a 401 that repeats nothing of it."""
    answer = exchange(strict.url, post(chat(), line))

    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert answer.header("www-authenticate") == "Bearer"
    assert len(answer.error["message"]) < 200
    assert "OR 1=1" not in answer.error["message"]


def test_an_expectation_that_is_unknown(strict: Strict) -> None:
    """An `expect` that is not known is passed over, as most servers do."""
    assert strict.post(chat(), b"expect: 200-perfection").status == 200


def test_line_ends_without_a_request(strict: Strict) -> None:
    """Empty lines before a request are passed over, a great many of them too."""
    started = time.monotonic()
    assert exchange(strict.url, b"\r\n" * 100_000 + get()).status == 200
    assert time.monotonic() - started < 10
