"""Runs a simulator beside blocking clients, or by hand: `python -m tests.simulators.openai --port
9001`.
"""

import argparse
import asyncio
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from tests.simulators.simulator import Simulator

AnySimulator = TypeVar("AnySimulator", bound=Simulator)

_START_S = 10.0


@contextmanager
def running(simulator: AnySimulator) -> Iterator[AnySimulator]:
    """Serve in a thread of its own while the block runs, so that a client may block. Its methods
    that are not async may be called from the block.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(simulator.listen(), loop).result(_START_S)
        try:
            yield simulator
        finally:
            asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(_START_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def away(simulator: Simulator) -> Iterator[None]:
    """Refuse connections while the block runs, as a dead process; not for the loop's own thread."""
    loop = simulator.loop
    if loop is None:
        raise RuntimeError("the simulator does not listen yet")
    asyncio.run_coroutine_threadsafe(simulator.refuse(), loop).result(_START_S)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(simulator.listen(), loop).result(_START_S)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's TLS context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def parser_for(description: str | None) -> argparse.ArgumentParser:
    """The options that every simulator has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port (default)")
    parser.add_argument("--tls-cert", type=Path, help="certificate file: serve over TLS")
    parser.add_argument("--tls-key", type=Path, help="its private key")
    parser.add_argument("--api-key", help="the key that is accepted")
    return parser


def tls_from(options: argparse.Namespace) -> ssl.SSLContext | None:
    """The TLS context that the options ask for."""
    if options.tls_cert is None:
        return None
    return tls_context(options.tls_cert, options.tls_key or options.tls_cert)


def run(make: Callable[[], Simulator]) -> None:
    """Print the address and serve until SIGINT or SIGTERM."""
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is ended by hand
        asyncio.run(_serve(make))


async def _serve(make: Callable[[], Simulator]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with make() as simulator:
        sys.stdout.write(f"{simulator.url}\n")
        sys.stdout.flush()
        await ended.wait()
