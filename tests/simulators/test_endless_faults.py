"""Answers that are too long, for ever, or of another length than they say, seen from a socket."""

import json

import pytest

from tests.simulators.openai import OpenAISimulator
from tests.simulators.raw import chat_bytes, connect, read_answer, read_to_end

PIECES = 50


def _endless(simulator: OpenAISimulator, kind: str, *, stream: bool, **measures: float) -> bytes:
    """The first bytes of an answer that has no end; its client leaves then."""
    simulator.fail_next(kind, chunk_interval_ms=1, **measures)
    received = bytearray()
    with connect(simulator) as client:
        client.sendall(chat_bytes(stream=stream))
        while received.count(b"\r\n\r\n") + received.count(b"\n\n\r\n") < PIECES:
            received += client.recv(65_536)
    simulator.requests[-1].wait_until_over()
    assert simulator.requests[-1].disconnected_after_ms is not None
    return bytes(received)


def test_a_stream_without_an_end(openai_simulator: OpenAISimulator) -> None:
    """The same event with content again and again, until the client has left."""
    received = _endless(openai_simulator, "endless", stream=True)
    events = [line[6:] for line in received.split(b"\n") if line.startswith(b"data: ")][:-1]

    assert len(events) > PIECES - 5
    assert len(set(events)) == 3
    assert json.loads(events[-1])["choices"][0]["delta"]["content"]


@pytest.mark.parametrize("after_events", [1, 2])
def test_comments_without_an_end(openai_simulator: OpenAISimulator, after_events: int) -> None:
    """So many events, then comments only."""
    received = _endless(
        openai_simulator, "endless_comments", stream=True, after_events=after_events
    )

    assert received.count(b"data: ") == after_events
    assert received.count(b": ping\n\n") > PIECES - 5


def test_a_plain_answer_without_an_end(openai_simulator: OpenAISimulator) -> None:
    """Half a body in chunks, then spaces."""
    openai_simulator.fail_next("endless")
    received = bytearray()
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        while len(received) < 50_000:
            received += client.recv(65_536)

    assert b"transfer-encoding: chunked" in received
    assert received.count(b" ") > 40_000


def test_a_huge_answer(openai_simulator: OpenAISimulator) -> None:
    """An honest answer whose text is as long as was asked; in a stream one event is."""
    for _ in range(2):
        openai_simulator.fail_next("huge", huge_bytes=1_000_000)
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        plain = json.loads(read_answer(client)[2])
        client.sendall(chat_bytes(stream=True))
        events = [event[6:] for event in read_answer(client)[2].split(b"\n\n")[:-1]]

    text = plain["choices"][0]["message"]["content"]
    assert text == "x" * 1_000_000 + "Simulated answer to: hello there"
    assert [len(event) > 1_000_000 for event in events].count(True) == 1
    assert events[-1] == b"[DONE]"


def test_a_length_that_is_too_short(openai_simulator: OpenAISimulator) -> None:
    """More comes than was promised, and the connection ends."""
    openai_simulator.fail_next("short_content_length")
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")

    assert f"content-length: {len(body) // 2}\r\n".encode() in head + b"\r\n"
    assert json.loads(body)["choices"]
