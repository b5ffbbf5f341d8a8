"""The nginx of docker-compose.yml before a real gateway: streams, uploads, clients that leave."""

import base64
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.deploy.nginx import Nginx, running
from tests.ports import free_port
from tests.simulators.openai import OpenAISimulator
from tests.simulators.recording import RecordedRequest
from tests.simulators.runner import running as simulating

STEP_MS = 300
STEP_S = STEP_MS / 1000
MIB = 1024 * 1024
LARGE = 60 * MIB
TOO_LARGE = 65 * MIB


@dataclass(frozen=True, slots=True)
class Front:
    """What stands behind one another."""

    nginx: Nginx
    gateway: Gateway
    simulator: OpenAISimulator
    opened: ExitStack = field(default_factory=ExitStack)

    def client(self) -> http.client.HTTPSConnection:
        """A new connection, as an SDK's; it ends with the test."""
        return self.opened.enter_context(closing(client_of(self.nginx)))

    def last_request(self) -> RecordedRequest:
        """What the provider saw last; waits for it."""
        until = time.monotonic() + 10
        while not self.simulator.requests and time.monotonic() < until:
            time.sleep(0.01)
        return self.simulator.requests[-1]


@pytest.fixture(scope="module", name="whole_front")
def _whole_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    with simulating(OpenAISimulator()) as simulator:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": simulator.base_url}
        whisper = document("whisper", "OpenAI", "OpenAI", model="whisper-1", **account)
        talker = document("talker", "OpenAI", "OpenAI", model="gpt-realtime", **account)
        costs = {"currency": "USD", "cost_input_1Mtokens": 4, "cost_output_1Mtokens": 16}
        documents = [
            document("mini", "OpenAI", "OpenAI", model="gpt-4o-mini", **account),
            whisper | {"operations": ["audio_stt"]},
            talker | {"operations": ["audio_realtime"], "costs": costs},
        ]
        with serving(folder, documents, SECRETS | {"AUTH": "open"}) as gateway:
            port = int(gateway.url.rpartition(":")[2])
            with running(folder / "nginx", [port]) as nginx:
                yield Front(nginx, gateway, simulator)


@pytest.fixture(name="front")
def _front(whole_front: Front) -> Iterator[Front]:
    whole_front.simulator.reset()
    with whole_front.opened:
        yield whole_front


def client_of(nginx: Nginx) -> http.client.HTTPSConnection:
    """A connection over TLS, which believes nginx's certificate only."""
    return http.client.HTTPSConnection(
        "localhost", nginx.tls_port, timeout=60, context=nginx.context()
    )


def chat(**more: Any) -> bytes:  # noqa: ANN401
    """A question."""
    return json.dumps(
        {"model": "mini", "messages": [{"role": "user", "content": "hello there"}], **more}
    ).encode()


def form(sound_bytes: int) -> bytes:
    """An upload."""
    part = b"--b0\r\ncontent-disposition: form-data; name="
    head = part + b'"model"\r\n\r\nwhisper\r\n' + part + b'"file"; filename="a.mp3"\r\n'
    kind = b"content-type: audio/mpeg\r\n\r\nID3"
    return head + kind + bytes(sound_bytes) + b"\r\n--b0--\r\n"


JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=b0"}


def test_events_arrive_one_by_one(front: Front) -> None:
    """Each event is there when the provider has sent it, not when a buffer is full."""
    front.simulator.fail_next("timing", chunk_interval_ms=STEP_MS)
    client = front.client()
    client.request("POST", "/v1/chat/completions", chat(stream=True), JSON)
    answer = client.getresponse()
    assert answer.status == 200
    times = []
    while line := answer.readline():
        if line.startswith(b"data: "):
            times.append(time.monotonic())
    gaps = [later - earlier for earlier, later in pairwise(times)]
    steps = [gap for gap in gaps if gap > STEP_S / 2]
    assert len(steps) >= 3, gaps
    # Not each gap: on a busy machine one event comes late, and the next sooner after it.
    assert times[-1] - times[0] >= 2 * STEP_S, gaps


def test_a_large_upload_passes(front: Front) -> None:
    """60 MB of sound reach the provider, and none of it nginx's disk."""
    client = front.client()
    client.request("POST", "/v1/audio/transcriptions", form(LARGE), FORM)
    answer = client.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    assert "text" in json.loads(body)
    assert len(front.last_request().body) > LARGE
    assert front.nginx.kept() == []


def test_a_large_body_is_not_kept(front: Front) -> None:
    """A body that comes slowly is with the gateway, not in a file of nginx."""
    with front.nginx.connect() as wire:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MIB}\r\n"
        wire.sendall(head.encode() + b"content-type: application/json\r\n\r\n" + bytes(MIB // 2))
        time.sleep(0.5)
        assert front.nginx.kept() == []


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_what_is_too_large_is_told_in_openai_s_words(front: Front, *, chunked: bool) -> None:
    """413 in OpenAI's envelope, whether nginx or the gateway says it."""
    client = front.client()
    body = form(TOO_LARGE)
    pieces = (body[start : start + MIB] for start in range(0, len(body), MIB))
    with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has all of it
        client.request("POST", "/v1/audio/transcriptions", pieces if chunked else body, FORM)
    answer = client.getresponse()
    error = json.loads(answer.read())["error"]
    assert answer.status == 413
    assert error["code"] == "request_too_large"
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_is_noticed(front: Front, *, stream: bool) -> None:
    """The provider's work ends soon after the client has gone, also before an answer."""
    kind = "hang_mid_stream" if stream else "hang_before_headers"
    front.simulator.fail_next(kind)
    client = front.client()
    client.request("POST", "/v1/chat/completions", chat(stream=stream), JSON)
    record = front.last_request()
    if stream:
        client.getresponse().readline()
    assert record.disconnected_after_ms is None
    client.close()
    until = time.monotonic() + 10
    while record.disconnected_after_ms is None and time.monotonic() < until:
        time.sleep(0.02)
    assert record.disconnected_after_ms is not None


def test_a_session_switches(front: Front) -> None:
    """A WebSocket is opened through nginx, and the gateway's first event comes back."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /v1/realtime?model=talker HTTP/1.1",
        "host: localhost",
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {key}",
    ]
    with front.nginx.connect() as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while b"session.created" not in received:
            piece = wire.recv(4096)
            assert piece, received
            received += piece
    assert received.startswith(b"HTTP/1.1 101 ")


def test_other_protocols_are_not_switched_to(front: Front) -> None:
    """`upgrade: h2c` does not reach the gateway; the request is answered as it is."""
    client = front.client()
    client.request("GET", "/health/live", headers={"upgrade": "h2c", "connection": "upgrade"})
    assert client.getresponse().status == 200


def test_connections_are_kept(front: Front) -> None:
    """Two requests over one connection of the client: both are answered, and it stays open."""
    client = front.client()
    for _ in range(2):
        client.request("POST", "/v1/chat/completions", chat(), JSON)
        answer = client.getresponse()
        assert json.loads(answer.read())["choices"]
        assert answer.getheader("connection") != "close"
        assert (answer.getheader("x-request-id") or "").startswith("req_")


def test_plain_http_is_refused(front: Front) -> None:
    """A key that came in clear is told so; nothing leads on. nginx's own health is there."""
    plain = http.client.HTTPConnection("127.0.0.1", front.nginx.plain_port, timeout=10)
    client = front.opened.enter_context(closing(plain))
    client.request("POST", "/v1/chat/completions", chat(), JSON)
    answer = client.getresponse()
    assert answer.status == 403
    assert json.loads(answer.read())["error"]["code"] == "https_required"
    client.request("GET", "/nginx/alive")
    alive = client.getresponse()
    assert (alive.status, alive.read()) == (200, b'{"status":"live"}')
    assert front.simulator.requests == []


def test_the_log_names_the_request_and_not_what_was_asked(front: Front) -> None:
    """A line of JSON with the gateway's id; nothing from behind the question mark."""
    client = front.client()
    client.request("GET", "/v1/models?word=hidden")
    answer = client.getresponse()
    answer.read()
    until = time.monotonic() + 5
    path = front.nginx.folder / "access.log"
    lines: list[dict[str, Any]] = []
    while time.monotonic() < until and not lines:
        lines = [json.loads(line) for line in path.read_text().splitlines() if "models" in line]
    assert lines[-1]["path"] == "/v1/models"
    assert lines[-1]["request_id"] == answer.getheader("x-request-id")
    assert "hidden" not in path.read_text()


def test_no_gateway_is_said_in_openai_s_words(tmp_path: Path) -> None:
    """While nobody is behind it, nginx says so as an API does, and when to come again."""
    tmp_path.chmod(0o755)
    with running(tmp_path / "nginx", [free_port()]) as nginx, closing(client_of(nginx)) as client:
        client.request("POST", "/v1/chat/completions", chat(), JSON)
        answer = client.getresponse()
        assert (answer.status, answer.getheader("retry-after")) == (502, "1")
        assert json.loads(answer.read())["error"]["code"] == "gateway_unreachable"


def test_a_silent_gateway_is_said_in_openai_s_words(tmp_path: Path) -> None:
    """One that takes requests and never answers: 504 as an API says it, after nginx's patience."""
    tmp_path.chmod(0o755)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        running(tmp_path / "nginx", [silent.getsockname()[1]], read_timeout="1s") as nginx,
        closing(client_of(nginx)) as client,
    ):
        client.request("POST", "/v1/chat/completions", chat(), JSON)
        answer = client.getresponse()
        assert answer.status == 504
        assert answer.getheader("content-type") == "application/json"
        error = json.loads(answer.read())["error"]
        assert (error["type"], error["code"]) == ("server_error", "gateway_timeout")
        assert set(error) == {"message", "type", "param", "code"}


def test_the_next_gateway_is_asked(front: Front, tmp_path: Path) -> None:
    """With one of two away each request is answered, by the other."""
    tmp_path.chmod(0o755)
    there = int(front.gateway.url.rpartition(":")[2])
    with running(tmp_path / "nginx", [free_port(), there]) as nginx:
        for _ in range(4):
            with closing(client_of(nginx)) as client:
                client.request("POST", "/v1/chat/completions", chat(), JSON)
                assert client.getresponse().status == 200
    assert len(front.simulator.requests) == 4
