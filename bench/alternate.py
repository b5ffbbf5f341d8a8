"""Requests for models of one gateway, a slice for each in turn: `python -m bench.alternate`.

From second to second a machine's speed changes by more than what two models differ by. So they take
turns every few hundredths of a second, and the gateway's CPU clock is read where they change. A
slice ends with its last answer; what is left to be done behind the answers falls into the next one,
which is another model's as often as not. Every other time they come in the opposite order.

Ends with an error at the first answer that is not a whole 200. Prints one line of JSON: for each of
the models, in their order, what was seen in each of its slices.
"""

import argparse
import json
import select
import socket
import time
from urllib.parse import urlsplit

from bench import payload
from bench.paced import quantile, request_bytes
from bench.processes import own_cpu_us

_PATIENCE_S = 20.0
_PIECE = 1 << 16
_OK = b"HTTP/1.1 200"
_LENGTH = b"\r\ncontent-length: "


class NotAnsweredError(RuntimeError):
    """A request was not answered as it must be; the message holds what came instead."""


class Connection:
    """Asks one request after another."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), _PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began_ns = 0
        self._answer = b""
        self._size = 0

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._answer, self._size = b"", 0
        self.began_ns = time.perf_counter_ns()
        self.socket.sendall(request)

    def answered(self, least: int) -> bool:
        """Take what has come; whether the answer is whole. Its body has `least` bytes or more."""
        piece = self.socket.recv(_PIECE)
        self._answer += piece
        if not self._size:
            self._size = _size_of(self._answer, least)
        if not piece or len(self._answer) > self._size > 0:
            raise NotAnsweredError(f"{self._answer[:300]!r} and then {piece[:100]!r}")
        return len(self._answer) == self._size


def _size_of(answer: bytes, least: int) -> int:
    """Return how long an answer is to be, 0 while its head is not whole."""
    head, end, _ = answer.partition(b"\r\n\r\n")
    if not end:
        return 0
    _, told, rest = head.lower().partition(_LENGTH)
    body = int(rest.split(b"\r\n")[0]) if told else -1
    if not head.startswith(_OK) or body < least:
        raise NotAnsweredError(repr(answer[:300]))
    return len(head) + len(end) + body


class Crowd:
    """Connections to one gateway, all of them open."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        made = [Connection(parts.hostname or "", parts.port or 80) for _ in range(connections)]
        self._by_number = {each.socket.fileno(): each for each in made}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def ask(self, request: bytes, times: int, least: int) -> list[int]:
        """Have a request answered so often, on all connections at once; return the latencies, ns.

        Raises NotAnsweredError.
        """
        latencies_ns: list[int] = []
        left = times
        for connection in [*self._by_number.values()][:times]:
            connection.ask(request)
            left -= 1
        while len(latencies_ns) < times:
            ready = self._poll.poll(_PATIENCE_S)
            if not ready:
                raise NotAnsweredError(f"nothing came for {_PATIENCE_S:.0f} s")
            for number, _ in ready:
                connection = self._by_number[number]
                if not connection.answered(least):
                    continue
                latencies_ns.append(time.perf_counter_ns() - connection.began_ns)
                if left:
                    connection.ask(request)
                    left -= 1
        return latencies_ns


def _slice(crowd: Crowd, request: bytes, arguments: argparse.Namespace) -> dict[str, float]:
    """Have a slice of requests answered; return what is printed of it."""
    began, before_us = time.perf_counter(), own_cpu_us(arguments.pid)
    latencies = crowd.ask(request, arguments.requests, len(payload.answer_body()))
    cpu_us, seconds = own_cpu_us(arguments.pid) - before_us, time.perf_counter() - began
    latencies.sort()
    p50_us, p99_us = quantile(latencies, 0.5) / 1e3, quantile(latencies, 0.99) / 1e3
    return {
        "answers": len(latencies),
        "seconds": seconds,
        "cpu_us": cpu_us,
        "p50_us": p50_us,
        "p99_us": p99_us,
    }


def run(arguments: argparse.Namespace) -> list[list[dict[str, float]]]:
    """Ask, slice by slice."""
    models = arguments.models.split(",")
    crowd = Crowd(arguments.url, arguments.connections)
    slices: list[list[dict[str, float]]] = [[] for _ in models]
    requests = [
        request_bytes(arguments.url, arguments.key, payload.request_body(model=model))
        for model in models
    ]
    turns = list(zip(requests, slices, strict=True))
    for number in range(arguments.slices):
        for request, taken in turns if number % 2 == 0 else turns[::-1]:
            taken.append(_slice(crowd, request, arguments))
    return slices


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="bench.alternate", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--models", required=True, help="names with commas between them")
    parser.add_argument("--pid", type=int, required=True, help="the gateway, which is one process")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True, help="of each slice")
    parser.add_argument("--slices", type=int, required=True, help="of each model")
    try:
        print(json.dumps(run(parser.parse_args())))
    except (NotAnsweredError, OSError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
