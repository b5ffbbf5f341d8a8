"""Requests with bytes spoiled by chance: served, refused or cut off, and nothing else."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.api.asking import within
from tests.api.bad_input.conftest import BODY_TIMEOUT_S, Strict
from tests.api.raw import CHAT, chat, connected, get, post
from tests.api.spoiling import Spoiler
from tests.api.traces import opened, resident_bytes, settled

COUNT = 1_500
AT_ONCE = 16
MAX_GROWTH_BYTES = 8 * 1024 * 1024
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
EXPECTED = {b"100", b"200", b"400", b"401", b"404", b"405", b"408", b"413", b"431", b"501"}


def _answered(url: str, request: bytes) -> list[bytes]:
    """The statuses that come back within a short while."""
    received = bytearray()
    with connected(url) as wire:
        wire.send(request)
        wire.socket.settimeout(0.03 if len(request) % 5 else BODY_TIMEOUT_S * 1.5)
        with suppress(TimeoutError, ConnectionError):
            while data := wire.socket.recv(65_536):
                received += data
    return STATUS.findall(bytes(received))


def test_spoiled_requests(strict: Strict) -> None:
    """None of them crashes the server, leaves a call unsettled or makes the process grow."""
    body = chat()
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    chunked = get(CHAT, strict.auth, b"transfer-encoding: chunked", method=b"POST") + framed
    good = [
        post(body, strict.auth),
        post(chat(b'"stream":true'), strict.auth),
        post(chat(b'"n":2,"temperature":1.5,"tools":[{"a":[1,2]}]'), strict.auth),
        chunked,
        get(b"/v1/models", strict.auth),
        get() * 3 + post(body, strict.auth) * 2,
    ]
    spoiler = Spoiler(seed=1)
    requests = [spoiler.spoil(good[number % len(good)]) for number in range(COUNT)]
    before = resident_bytes(strict.gateway.process.pid)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda request: _answered(strict.url, request), requests))

    statuses = {status for each in found for status in each}
    assert {b"200", b"400", b"401", b"404"} <= statuses <= EXPECTED
    assert within(3.0, lambda: len(opened(strict.gateway)) == len(settled(strict.gateway)))
    assert resident_bytes(strict.gateway.process.pid) - before < MAX_GROWTH_BYTES
