"""The simulators' HTTP: strict where a lenient reader would hide a client's mistake."""

import pytest

from tests.simulators.openai import OpenAISimulator
from tests.simulators.raw import connect, read_answer, read_to_end

HOST = b"host: x\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v1/models HTTP/1.0\r\n" + HOST + b"\r\n", 400),
        (b"GET  /v1/models HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://x/v1/models HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /v1/mo\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"a : b\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"a: b\r\n folded\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"a: b\nc: d\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"a: b\x00\r\n\r\n", 400),
        (b"POST /v1/x HTTP/1.1\r\n" + HOST + b"content-length: 1, 1\r\n\r\n", 400),
        (b"POST /v1/x HTTP/1.1\r\n" + HOST + b"content-length: +1\r\n\r\nx", 400),
        (b"POST /v1/x HTTP/1.1\r\n" + HOST + b"content-length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/x HTTP/1.1\r\n" + HOST + b"transfer-encoding: gzip, chunked\r\n\r\n", 400),
        (
            b"POST /v1/x HTTP/1.1\r\n"
            + HOST
            + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST /v1/x HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        (
            b"POST /v1/x HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n1\r\nxyz\r\n",
            400,
        ),
        (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"a: " + b"b" * 140_000 + b"\r\n\r\n", 431),
    ],
)
def test_refuses_doubtful_requests(
    openai_simulator: OpenAISimulator, sent: bytes, status: int
) -> None:
    """What is not clearly one request is refused, the connection closed, nothing recorded."""
    with connect(openai_simulator) as client:
        client.sendall(sent)
        assert read_answer(client)[0] == status
        assert read_to_end(client) == b""

    assert openai_simulator.requests == []


def test_keeps_connections_and_pipelines(openai_simulator: OpenAISimulator) -> None:
    """Requests sent together are answered in their order on one connection."""
    one = b"GET /v1/models/%b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-simulator\r\n\r\n"
    with connect(openai_simulator) as client:
        client.sendall(one % b"gpt-4o" + one % b"gpt-4.1")
        received = client.recv(65_536)
        while received.count(b'"owned_by"') < 2:
            received += client.recv(65_536)

    assert received.index(b'"gpt-4o"') < received.index(b'"gpt-4.1"')
    assert [record.path for record in openai_simulator.requests] == [
        "/v1/models/gpt-4o",
        "/v1/models/gpt-4.1",
    ]


def test_expect_continue(openai_simulator: OpenAISimulator) -> None:
    """Who asks before sending its body is told to continue."""
    head = b"POST /v1/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    with connect(openai_simulator) as client:
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        assert read_answer(client)[0] == 404
