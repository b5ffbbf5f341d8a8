"""Every fault does what it says, seen from a raw socket."""

import gzip
import json
import time

import pytest

from tests.simulators.faults import FaultKind, fault_named
from tests.simulators.openai import OpenAISimulator
from tests.simulators.raw import chat_bytes, connect, read_answer, read_to_end, read_until

ENDS = b"0\r\n\r\n"


def _whole(simulator: OpenAISimulator, *, stream: bool, model: str = "gpt-4o-mini") -> bytes:
    """All bytes until the simulator closes (asked to, for the faults that would not)."""
    request = chat_bytes(stream=stream, model=model)
    request = request.replace(b"host: simulator", b"host: simulator\r\nconnection: close")
    with connect(simulator) as client:
        client.sendall(request)
        return read_to_end(client)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "kind", ["reset_before_headers", "reset_after_headers", "reset_mid_stream"]
)
def test_resets(openai_simulator: OpenAISimulator, kind: str, *, stream: bool) -> None:
    """A reset is a TCP reset, and only what stands before it arrives."""
    openai_simulator.fail_next(kind)
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes(stream=stream))
        received = read_until(client, ConnectionResetError)

    assert received is not None
    head, _, body = received.partition(b"\r\n\r\n")
    assert (bool(head), bool(body)) == (kind != "reset_before_headers", kind == "reset_mid_stream")
    assert openai_simulator.requests[0].answered_after_ms is None


@pytest.mark.parametrize("kind", ["close_before_headers", "close_after_headers"])
def test_closes(openai_simulator: OpenAISimulator, kind: str) -> None:
    """A close is a clean end of the connection without an answer, or without a body."""
    openai_simulator.fail_next(kind)
    received = _whole(openai_simulator, stream=True)

    assert bool(received) is (kind == "close_after_headers")
    assert received == b"" or received.endswith(b"\r\n\r\n")
    assert b"data:" not in received


def test_cuts_mid_stream(openai_simulator: OpenAISimulator) -> None:
    """A cut stream ends after the wanted events without its closing chunk."""
    openai_simulator.fail_next("cut_mid_stream", after_events=3)
    received = _whole(openai_simulator, stream=True)

    assert received.count(b"data: ") == 3
    assert not received.endswith(ENDS)


def test_cuts_a_plain_body(openai_simulator: OpenAISimulator) -> None:
    """A cut plain answer promises more than comes."""
    openai_simulator.fail_next("cut_mid_stream")
    head, _, body = _whole(openai_simulator, stream=False).partition(b"\r\n\r\n")

    [promised] = [line for line in head.split(b"\r\n") if line.startswith(b"content-length")]
    assert 0 < len(body) < int(promised.split()[1])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("hang_before_headers", 0), ("hang_after_headers", 0), ("hang_mid_stream", 2)],
)
def test_hangs(openai_simulator: OpenAISimulator, kind: str, expected: int) -> None:
    """A hang says nothing more; the client's going away is noticed at once and recorded."""
    openai_simulator.fail_next(kind)
    with connect(openai_simulator) as client:
        client.settimeout(0.15)
        client.sendall(chat_bytes(stream=True))
        received = read_until(client, TimeoutError)
    record = openai_simulator.requests[0]
    record.wait_until_over()

    assert received is not None
    assert received.count(b"data: ") == expected
    assert bool(received) is (kind != "hang_before_headers")
    assert record.disconnected_after_ms is not None
    assert 100 < record.disconnected_after_ms < 5000
    assert record.answered_after_ms is None


def test_drips(openai_simulator: OpenAISimulator) -> None:
    """A slow drip sends the same bytes, some at a time."""
    plain = _whole(openai_simulator, stream=False).partition(b"\r\n\r\n")[2]
    openai_simulator.fail_next("slow_drip", drip_bytes=100, chunk_interval_ms=5)
    started = time.perf_counter()
    dripped = _whole(openai_simulator, stream=False).partition(b"\r\n\r\n")[2]

    assert dripped == plain
    assert time.perf_counter() - started > 0.005 * (len(plain) // 100)


def test_waits(openai_simulator: OpenAISimulator) -> None:
    """`delay_ms` holds the answer back, `chunk_interval_ms` its events."""
    openai_simulator.fail_next(delay_ms=60, chunk_interval_ms=10)
    started = time.perf_counter()
    received = _whole(openai_simulator, stream=True)

    assert received.endswith(ENDS)
    assert time.perf_counter() - started > 0.06 + 0.01 * (received.count(b"data: ") - 1)


def test_changes_of_a_stream(openai_simulator: OpenAISimulator) -> None:
    """Faults in what a stream says keep its framing whole."""
    for kind in ("no_done", "error_frame", "garbage_event", "sse_comments", "sse_crlf"):
        openai_simulator.fail_next(kind)
    no_done, error, garbage, comments, crlf = (
        _whole(openai_simulator, stream=True) for _ in range(5)
    )

    assert all(item.endswith(ENDS) for item in (no_done, error, garbage, comments, crlf))
    assert b"[DONE]" not in no_done
    assert no_done.count(b"data: ") == 7
    assert error.count(b"data: ") == 3
    assert b'data: {"error":{"message"' in error
    events = [line for line in garbage.split(b"\n") if line.startswith(b"data: ")]
    with pytest.raises(ValueError, match="line 1 column"):
        json.loads(events[2].removeprefix(b"data: "))
    assert comments.count(b": ping\n\n") == 8
    assert crlf.count(b"\r\n\r\n\r\n") == 8


def test_changes_of_a_plain_answer(openai_simulator: OpenAISimulator) -> None:
    """Faults in what a plain answer says have an honest length."""
    with connect(openai_simulator) as client:
        answers = {}
        for kind in ("html", "null", "empty_body", "truncated_json", "gzip", "chunked", "timing"):
            openai_simulator.fail_next(kind)
            client.sendall(chat_bytes())
            answers[kind] = read_answer(client)

    assert (answers["html"][0], answers["html"][1]["content-type"]) == (502, "text/html")
    assert answers["null"][2] == b"null"
    assert answers["empty_body"][2] == b""
    right = answers["timing"][2]
    assert answers["truncated_json"][2] == right[: len(right) // 2]
    assert gzip.decompress(answers["gzip"][2]) == right
    assert answers["chunked"][1]["transfer-encoding"] == "chunked"
    assert answers["chunked"][2] == right
    assert {record.connection for record in openai_simulator.requests} == {
        openai_simulator.requests[0].connection
    }


def test_wrong_length_and_garbage(openai_simulator: OpenAISimulator) -> None:
    """A wrong length promises 100 bytes more; garbage is no HTTP; a bad chunk has no size."""
    for kind in ("wrong_content_length", "garbage", "bad_chunking"):
        openai_simulator.fail_next(kind)
    wrong, garbage, chunking = (_whole(openai_simulator, stream=False) for _ in range(3))

    head, _, body = wrong.partition(b"\r\n\r\n")
    assert f"content-length: {len(body) + 100}".encode() in head
    assert not garbage.startswith(b"HTTP/1.1")
    assert b"transfer-encoding: chunked\r\n\r\nnot-a-number\r\n" in chunking


def test_any_status(openai_simulator: OpenAISimulator) -> None:
    """A status comes in the vendor's words, or in the test's; headers are added or replaced."""
    openai_simulator.fail_next("status", status=429, headers={"retry-after-ms": "20"})
    openai_simulator.fail_next(
        "status", status=299, body='{"n": 1E2}', headers=[("content-type", "text/odd")]
    )
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        busy = read_answer(client)
        client.sendall(chat_bytes())
        odd = read_answer(client)

    assert (busy[0], busy[1]["retry-after-ms"]) == (429, "20")
    assert json.loads(busy[2])["error"]["code"] == "rate_limit_exceeded"
    assert (odd[0], odd[1]["content-type"], odd[2]) == (299, "text/odd", b'{"n": 1E2}')


def test_stale_keep_alive(openai_simulator: OpenAISimulator) -> None:
    """A stale connection closes after a whole answer that did not say so."""
    openai_simulator.fail_next("stale_keep_alive", close_after_ms=40)
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        answer = read_answer(client)
        started = time.perf_counter()
        rest = read_to_end(client)

    assert answer[0] == 200
    assert "connection" not in answer[1]
    assert rest == b""
    assert time.perf_counter() - started > 0.02


def test_faults_named_by_the_model(openai_simulator: OpenAISimulator) -> None:
    """A model may be named after a fault."""
    busy = _whole(openai_simulator, stream=False, model="fault-status-503")
    cut = _whole(openai_simulator, stream=True, model="fault-cut-mid-stream")
    unknown = _whole(openai_simulator, stream=False, model="fault-of-nobody")

    assert busy.startswith(b"HTTP/1.1 503 ")
    assert cut.count(b"data: ") == 2
    assert unknown.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_has_a_name(kind: FaultKind) -> None:
    """Each kind can be asked for by a model name."""
    fault = fault_named("fault-" + kind.replace("_", "-"))

    assert fault is not None
    assert fault.kind is kind
