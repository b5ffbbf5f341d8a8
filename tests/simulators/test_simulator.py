"""What every simulator has: recording, control endpoint, listener, TLS and the command line."""

import asyncio
import base64
import ssl
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from tests.simulators.bodies import HELLO
from tests.simulators.openai import OpenAISimulator
from tests.simulators.raw import chat_bytes, connect, control, read_answer, read_until
from tests.simulators.runner import away, running, tls_context
from tests.simulators.tls import self_signed

ROOT = Path(__file__).parents[2]


def test_records_the_very_bytes(openai_simulator: OpenAISimulator) -> None:
    """Method, target, headers in their order and the body's bytes are kept, over one connection."""
    body = b'{"model":"x","n":1E2,"big":123456789012345678901234567890,"z":"\xff"}'
    head = (
        b"POST /v1/chat/completions?a=1&a=2 HTTP/1.1\r\nHost: x\r\nX-B: 2\r\nx-a: 1\r\nX-B: 3\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    with connect(openai_simulator) as client:
        client.sendall(head + b"5\r\n" + body[:5] + b"\r\n")
        client.sendall(b"%x\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n")
        status = read_answer(client)[0]
    [record] = openai_simulator.requests

    assert status == 401
    assert record.body == body
    assert record.query == (("a", "1"), ("a", "2"))
    assert record.headers[1:4] == (("X-B", "2"), ("x-a", "1"), ("X-B", "3"))
    assert record.header_values("x-b") == ["2", "3"]


def test_control_endpoint(openai_simulator: OpenAISimulator) -> None:
    """Another process plans faults, reads what arrived, and is told what it wrote wrongly."""
    planned = control(
        openai_simulator,
        "POST",
        "faults",
        [
            {"fault": "status", "status": 418, "match": {"contains": "teapot"}, "times": 2},
            {"fault": "null", "match": {"model": "gpt-4o", "path": "/completions"}},
        ],
    )
    with connect(openai_simulator) as client:
        statuses = []
        for text in ("teapot", "hello", "teapot", "teapot"):
            client.sendall(chat_bytes(text=text))
            statuses.append(read_answer(client)[0])
        client.sendall(chat_bytes(model="gpt-4o"))
        nothing = read_answer(client)[2]
    seen = control(openai_simulator, "GET", "requests")

    assert planned == {"planned": 2}
    assert statuses == [418, 200, 418, 200]
    assert nothing == b"null"
    assert [item["fault"] for item in seen] == ["status", None, "status", None, "null"]
    assert base64.b64decode(seen[0]["body_base64"]) == openai_simulator.requests[0].body
    assert control(openai_simulator, "GET", "faults") == []
    assert control(openai_simulator, "DELETE", "requests") == {}
    assert openai_simulator.requests == []
    for wrong in ({"fault": "mystery"}, {"fault": "null", "often": 2}, {"match": {"x": 1}}, [1]):
        assert "error" in control(openai_simulator, "POST", "faults", wrong)


def test_refuses_for_a_while(openai_simulator: OpenAISimulator) -> None:
    """A closed listener refuses connections, drops the open ones, and comes back on its port."""
    with connect(openai_simulator) as idle:
        control(openai_simulator, "POST", "listener", {"closed_for_ms": 200})
        with pytest.raises(ConnectionResetError):
            idle.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(openai_simulator)
    time.sleep(0.25)
    with connect(openai_simulator) as client:
        client.sendall(chat_bytes())
        assert read_answer(client)[0] == 200
    with away(openai_simulator), pytest.raises(ConnectionRefusedError):
        connect(openai_simulator)
    connect(openai_simulator).close()


@pytest.mark.asyncio
async def test_in_one_loop() -> None:
    """A simulator also runs in the test's own loop, beside an asynchronous client."""
    async with (
        OpenAISimulator() as simulator,
        openai.AsyncOpenAI(base_url=simulator.base_url, api_key="sk-simulator") as client,
    ):
        simulator.fail_next("status", status=500, times=2, headers={"retry-after-ms": "1"})
        answer = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
        await simulator.refuse()
        with pytest.raises(openai.APIConnectionError):
            await client.with_options(max_retries=0).models.list()
        await simulator.listen()
        assert (await client.models.list()).data

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert [record.status for record in simulator.requests] == [500, 500, 200, 200]


@pytest.mark.asyncio
async def test_streams_of_many_clients_at_once() -> None:
    """Streams run side by side: ten slow ones take as long as one."""
    async with (
        OpenAISimulator() as simulator,
        openai.AsyncOpenAI(base_url=simulator.base_url, api_key="sk-simulator") as client,
    ):
        simulator.fail_next(times=None, chunk_interval_ms=40)

        async def count() -> int:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "count to 9"}], stream=True
            )
            return len([chunk async for chunk in stream])

        started = time.perf_counter()
        counts = await asyncio.gather(*(count() for _ in range(10)))

    assert counts == [11] * 10
    assert time.perf_counter() - started < 10 * 11 * 0.040


def test_speaks_tls(tmp_path: Path) -> None:
    """With a certificate the same wire is spoken over TLS, and a reset is still a reset."""
    certificate, key = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with running(OpenAISimulator(tls=tls_context(certificate, key))) as simulator:
        simulator.fail_next("reset_mid_stream", contains="reset me")
        with connect(simulator, trusting) as client:
            client.sendall(chat_bytes())
            assert read_answer(client)[0] == 200
            client.sendall(chat_bytes(stream=True, text="reset me"))
            cut = read_until(client, OSError)
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(simulator, ssl.create_default_context())

    assert simulator.url.startswith("https://127.0.0.1:")
    assert cut is not None
    assert cut.count(b"data: ") == 2


@pytest.mark.parametrize("vendor", ["openai", "azure_openai", "azure_foundry"])
def test_starts_by_hand(vendor: str) -> None:
    """The command prints its address, serves, and ends on SIGTERM."""
    command = [sys.executable, "-m", f"tests.simulators.{vendor}", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        other = OpenAISimulator(port=int(url.rpartition(":")[2]))
        seen = control(other, "GET", "requests")
        process.terminate()
        code = process.wait(5)

    assert (seen, code) == ([], 0)
