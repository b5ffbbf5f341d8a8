"""What passes through a session beside whole events: fragments, big messages, slow readers."""

import contextlib
import json
import time

import pytest

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.api.realtime.conftest import MAX_MESSAGE_BYTES
from tests.api.realtime.hearing import heard
from tests.api.realtime.raw_socket import (
    BINARY,
    CLOSE,
    PATH,
    PING,
    PONG,
    TEXT,
    RawSocket,
    handshake,
    refused,
    talking,
)
from tests.simulators.recording import RecordedRequest

CONTINUATION = 0
KEY_PROTOCOL = b"sec-websocket-protocol: realtime, openai-insecure-api-key.sk-none"


@pytest.mark.parametrize("path", [PATH, b"/v1/audio/realtime?deployment=talker&api-version=v1"])
def test_the_switch(gateway: Gateway, path: bytes) -> None:
    """Both paths switch; the subprotocol is answered, and headers name request and route."""
    with talking(gateway.url, KEY_PROTOCOL, path=path) as session:
        assert session.headers["sec-websocket-protocol"] == "realtime"
        assert session.headers["x-llmproxy-model"] == "talker"
        assert session.headers["x-request-id"].startswith("req_")
        assert session.event()["type"] == "session.created"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (handshake(version=b"8"), 400, "invalid_header"),
        (handshake(key=b"short"), 400, "invalid_header"),
        (handshake(path=b"/v1/nothing"), 404, "unknown_url"),
        (b"GET " + PATH + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 400, "websocket_required"),
        (
            b"POST " + PATH + b" HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
            405,
            "method_not_supported",
        ),
        (handshake(path=b"/v1/realtime?" + b"model=talker&" * 30), 400, None),
        (handshake(b"origin: https://example.com"), 401, "invalid_api_key"),
    ],
)
def test_no_switch(gateway: Gateway, request_: bytes, status: int, code: str | None) -> None:
    """What cannot become a session is answered as HTTP, in the envelope."""
    answer = refused(gateway.url, request_)

    assert answer.status == status
    assert code is None or answer.error["code"] == code


def test_frames_pass_as_they_are(gateway: Gateway, upstreams: Upstreams) -> None:
    """Text, binary and fragments reach the provider as sent; pings are answered in between."""
    with talking(gateway.url) as session:
        session.send(TEXT, b'{"type":"session.', final=False)
        session.send(PING, b"are you there")
        session.send(CONTINUATION, b'update","session":{"type":"rea', final=False)
        session.send(CONTINUATION, b'ltime"}}')
        session.send(BINARY, b"\0\xff\0")
        record = heard(upstreams, 2)
        kinds = [session.frame() for _ in range(4)]
        session.send(CLOSE)
        assert session.closed() == (None, "")

    update = b'{"type":"session.update","session":{"type":"realtime"}}'
    assert record.heard.messages == [update, b"\0\xff\0"]
    assert record.heard.opcodes == [TEXT, BINARY]
    assert record.heard.frames == 4
    assert (PONG, True, b"are you there") in kinds
    assert [json.loads(data)["type"] for opcode, _, data in kinds if opcode == TEXT] == [
        "session.created",
        "session.updated",
        "error",
    ]
    record.wait_until_over()
    assert record.heard.closed == (None, "")


def test_big_messages_pass(gateway: Gateway, upstreams: Upstreams) -> None:
    """The largest append that OpenAI takes, 15 MiB of audio in base64, arrives whole."""
    audio = "A" * (20 * 1024 * 1024)
    with talking(gateway.url) as session:
        session.event()
        session.say(type="input_audio_buffer.append", audio=audio)
        session.say(type="input_audio_buffer.commit")
        assert session.event()["type"] == "input_audio_buffer.committed"

    record = heard(upstreams, 2)
    assert json.loads(record.heard.messages[0])["audio"] == audio


@pytest.mark.parametrize("fragments", [1, 3])
def test_messages_that_are_too_big(gateway: Gateway, upstreams: Upstreams, fragments: int) -> None:
    """A message beyond the bound is refused with 1009 before it is held, in fragments too."""
    piece = b"x" * (MAX_MESSAGE_BYTES // fragments + 1)
    with talking(gateway.url) as session:
        session.event()
        for number in range(fragments):
            session.send(CONTINUATION if number else TEXT, piece, final=number == fragments - 1)
        assert session.closed()[0] == 1009
        assert session.wire.ends()

    record = heard(upstreams, 0)
    record.wait_until_over()
    assert record.heard.closed == (1001, "")


@pytest.mark.parametrize(
    "bad",
    [
        {"opcode": TEXT, "payload": b"x", "rsv": 0x40},
        {"opcode": 3, "payload": b""},
        {"opcode": CONTINUATION, "payload": b"x"},
        {"opcode": PING, "payload": b"x" * 126},
        {"opcode": CLOSE, "payload": b"\x03"},
        {"opcode": CLOSE, "payload": (999).to_bytes(2)},
        {"opcode": CLOSE, "payload": (1000).to_bytes(2) + b"\xff"},
    ],
)
def test_breaches_of_the_protocol(
    gateway: Gateway, upstreams: Upstreams, bad: dict[str, object]
) -> None:
    """What RFC 6455 forbids ends the session with the code it names; the provider's part ends."""
    with talking(gateway.url) as session:
        session.event()
        session.send(bad["opcode"], bad["payload"], rsv=bad.get("rsv", 0))  # type: ignore[arg-type]
        assert session.closed()[0] in {1002, 1007}
        assert session.wire.ends()

    record = heard(upstreams, 0)
    record.wait_until_over()
    assert record.heard.closed == (1001, "")


def test_a_slow_reader_pauses_the_provider(gateway: Gateway, upstreams: Upstreams) -> None:
    """A client that does not read holds the provider back; when it reads, nothing is missing."""
    rounds = 1200  # some 30 MB: more than the sockets between can hold
    with talking(gateway.url, window_bytes=16_384) as session:
        for _ in range(rounds):
            session.say(type="response.create")
        record = heard(upstreams, 1)
        _until_still(record)
        behind = len(record.heard.messages)
        done = 0
        while done < rounds:
            done += session.event()["type"] == "response.done"

    assert behind < rounds
    assert len(record.heard.messages) == rounds


def _until_still(record: RecordedRequest) -> None:
    """Wait until the provider has stopped to hear more for a while."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 0.5:
        if len(record.heard.messages) != seen:
            seen, since = len(record.heard.messages), time.monotonic()
        time.sleep(0.01)


def test_a_slow_provider_pauses_the_client(gateway: Gateway, upstreams: Upstreams) -> None:
    """A provider that does not read holds the client back: the gateway keeps little of it."""
    upstreams.openai.fail_next("hang_mid_stream", after_events=1)
    with talking(gateway.url) as session:
        session.event()
        session.say(type="response.create")
        session.wire.socket.settimeout(1.0)
        sent = _send_until_blocked(session)

    assert sent < 32 * 1024 * 1024


def _send_until_blocked(session: RawSocket) -> int:
    piece = b"x" * 65_536
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 64 * 1024 * 1024:
            session.wire.socket.sendall(b"\x82\xff" + len(piece).to_bytes(8) + b"\0\0\0\0" + piece)
            sent += len(piece)
    return sent
