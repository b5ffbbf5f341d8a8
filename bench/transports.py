"""What a request costs each client that could be the transport: `python -m bench.transports`.

Measures this gateway's own client, aiohttp and, where it is installed, pyreqwest, against
bench/upstream.py, over plain TCP and over TLS, 64 requests at a time. CPU time is this process's
own (user and system), client and event loop only. Needs `src` on PYTHONPATH; run it bound to one
core, as in ARCHITECTURE.md, with the upstream on another.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop

from bench import certificates, payload
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience

AT_A_TIME = 64
BODY = payload.request_body()
HEADERS = {"authorization": "Bearer sk-bench", "content-type": "application/json"}
Ask = Callable[[], Awaitable[int]]


def _own(url: str, trusted: ssl.SSLContext) -> Ask:
    client = HttpClient(max_connections=1000, proxies=Proxies({}), tls=trusted)
    target = client.target(url, HEADERS)
    patience = Patience(5.0, 60.0, 60.0, None)

    async def ask() -> int:
        _, body = await client.fetch(target, BODY, patience)
        return len(body)

    return ask


def _aiohttp(url: str, trusted: ssl.SSLContext) -> Ask:
    connector = aiohttp.TCPConnector(limit=1000, ssl=trusted)
    session = aiohttp.ClientSession(connector=connector, headers=HEADERS)

    async def ask() -> int:
        async with session.post(url, data=BODY) as answer:
            return len(await answer.read())

    return ask


def _pyreqwest(url: str, authority: Path) -> Ask:
    from pyreqwest.client import ClientBuilder  # noqa: PLC0415 - may not be installed

    builder = ClientBuilder().http1_only().default_headers(HEADERS)
    client = builder.add_root_certificate_pem(authority.read_bytes()).build()

    async def ask() -> int:
        answer = await client.post(url).body_bytes(BODY).build().send()
        return len(await answer.bytes())

    return ask


async def _measure(ask: Ask, seconds: float) -> float:
    """Return CPU µs per request."""
    await asyncio.gather(*(ask() for _ in range(AT_A_TIME)))
    ends = time.monotonic() + seconds
    answered = 0

    async def one_after_another() -> None:
        nonlocal answered
        while time.monotonic() < ends:
            if await ask() == 0:
                raise RuntimeError("an answer was empty")
            answered += 1

    began = time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(AT_A_TIME)))
    return (time.process_time() - began) * 1e6 / answered


async def _run(ports: dict[str, int], authority: Path, rounds: int, seconds: float) -> None:
    trusted = ssl.create_default_context(cafile=str(authority))
    for scheme, port in zip(("http", "https"), ports.values(), strict=True):
        url = f"{scheme}://127.0.0.1:{port}/v1/chat/completions"
        asks = {"own": _own(url, trusted), "aiohttp": _aiohttp(url, trusted)}
        if importlib.util.find_spec("pyreqwest"):
            asks["pyreqwest"] = _pyreqwest(url, authority)
        figures: dict[str, list[float]] = {name: [] for name in asks}
        for _ in range(rounds):
            for name, ask in asks.items():
                figures[name].append(await _measure(ask, seconds))
        for name, each in figures.items():
            spread = f"{min(each):.0f} to {max(each):.0f}"
            print(f"{scheme:5}  {name:9}  {statistics.median(each):4.0f} µs  ({spread})")


def main() -> None:
    """Start the upstream on the other core, measure, and end it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = certificates.make(Path(folder))
        command = ["taskset", "-c", "0", sys.executable, "-m", "bench.upstream"]
        command += ["--certificate", str(made.certificate)]
        upstream = subprocess.Popen(
            [*command, "--key", str(made.key)],
            stdout=subprocess.PIPE,
        )
        try:
            ports = json.loads(upstream.stdout.readline())  # type: ignore[union-attr]
            os.sched_setaffinity(0, {1})
            uvloop.run(_run(ports, made.authority, arguments.rounds, arguments.seconds))
        finally:
            upstream.terminate()
            upstream.wait()


if __name__ == "__main__":
    main()
