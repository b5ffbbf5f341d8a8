"""A client that sends bytes and shows bytes: for what no SDK would send or say."""

import json
import socket
import ssl
from typing import Any

from tests.simulators.simulator import Simulator

TIMEOUT_S = 5.0


def connect(simulator: Simulator, tls: ssl.SSLContext | None = None) -> socket.socket:
    """A connection to the simulator. Over TLS an end without a farewell is an SSLEOFError."""
    plain = socket.create_connection(("127.0.0.1", simulator.port), timeout=TIMEOUT_S)
    if tls is None:
        return plain
    return tls.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


def chat_bytes(
    *, stream: bool = False, model: str = "gpt-4o-mini", text: str = "hello there"
) -> bytes:
    """An OpenAI chat request, head and body."""
    body = json.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    ).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: simulator\r\n"
        "authorization: Bearer sk-simulator\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_to_end(client: socket.socket) -> bytes:
    """Everything until the other side closes. Raises ConnectionResetError, TimeoutError."""
    received = bytearray()
    while data := client.recv(65_536):
        received += data
    return bytes(received)


def read_until(client: socket.socket, error: type[OSError]) -> bytes | None:
    """What arrives before the error; None when the other side closes in good order instead."""
    received = bytearray()
    try:
        while data := client.recv(65_536):
            received += data
    except error:
        return bytes(received)
    return None


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with a content-length or in chunks: status, headers in lower case, body."""
    file = client.makefile("rb")
    status = int(file.readline().split()[1])
    headers: dict[str, str] = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if "content-length" in headers:
        return status, headers, file.read(int(headers["content-length"]))
    body = bytearray()
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return status, headers, bytes(body)


def control(simulator: Simulator, method: str, name: str, value: Any = None) -> Any:  # noqa: ANN401
    """A call of the control endpoint; the decoded answer."""
    body = b"" if value is None else json.dumps(value).encode()
    head = f"{method} /_simulator/{name} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    with connect(simulator) as client:
        client.sendall(head.encode() + body)
        return json.loads(read_answer(client)[2])
