"""A request whose head is known is read as the parser would read it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.server.known_head import KnownHead, known_head

FIRST = b"POST /v1/x?a=b HTTP/1.1\r\nhost: h\r\nContent-Length: %d\r\nx-y: z\r\n\r\n%b"
HEADERS = [(b"host", b"h"), (b"content-length", b"2"), (b"x-y", b"z")]


def scope() -> dict[str, Any]:
    """What the parser makes of the first request."""
    return {"type": "http", "path": "/v1/x", "headers": HEADERS, "extensions": {}}


def request(body: bytes) -> bytes:
    """A request with the known head."""
    return FIRST % (len(body), body)


@pytest.fixture(name="known")
def _known() -> KnownHead:
    known = known_head(request(b"{}"), scope())
    assert known is not None
    return known


@given(st.binary(max_size=3000))
def test_another_body(body: bytes) -> None:
    """The same head with another length: the whole body, and the length in the headers."""
    known = known_head(request(b"{}"), scope())
    assert known is not None
    assert known.body_of(request(body)) == body

    again = known.scope(body)
    length = (b"content-length", b"%d" % len(body))
    assert again == {"type": "http", "path": "/v1/x", "headers": [HEADERS[0], length, HEADERS[2]]}
    assert HEADERS[1] == (b"content-length", b"2")


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}")[:-1],
        request(b"{}") + b"P",
        request(b"{}").replace(b"x-y: z", b"x-y: Z"),
        request(b"{}").replace(b"Length: 2", b"Length: +2"),
        request(b"{}").replace(b"Length: 2", b"Length:  2"),
        request(b"{}").replace(b"Length: 2", b"Length: 2 "),
        request(b"{}").replace(b"Length: 2", b"Length: 2, 2"),
        request(b"{}").replace(b"Length: 2", "Length: ²".encode()),
        request(b"{}").replace(b"Length: 2", b"Length: "),
        request(b"{}").replace(b"Length: 2\r\n", b"Length: 2\n"),
        request(b"{}").replace(b"POST", b"PUT "),
        b"",
        b"P",
    ],
)
def test_anything_else_is_parsed(known: KnownHead, data: bytes) -> None:
    """A byte more, less or other: the parser has to read it."""
    assert known.body_of(data) is None


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: chunked",
        b"content-length: 2",
        b"Expect: 100-continue",
        b"Upgrade: websocket",
        b"connection: close",
        b"Connection: keep-alive, upgrade",
    ],
)
def test_what_is_not_remembered(header: bytes) -> None:
    """A head that asks for more than an answer on a kept connection."""
    data = request(b"{}").replace(b"x-y: z", header)
    assert known_head(data, scope()) is None


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}")[:-1],
        request(b"{}") * 2,
        b"GET / HTTP/1.1\r\nhost: h\r\n\r\n",
        request(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"),
        request(b"{}").replace(b"x-y: z", b"x-y: " + b"z" * 5000),
    ],
)
def test_only_one_whole_request_is_remembered(data: bytes) -> None:
    """Not a part, not two, no other method or version, and nothing long."""
    assert known_head(data, scope()) is None


def test_kept_connections_are_usual() -> None:
    """httpx says so in every request."""
    data = request(b"{}").replace(b"x-y: z", b"Connection: keep-alive")
    assert known_head(data, scope()) is not None
