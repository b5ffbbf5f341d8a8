"""Requests to several models or gateways, a slice for each in turn: `python -m bench.alternate`.

From second to second a machine's speed changes by more than what is to be compared. So they take
turns within fractions of a second, and the CPU clock of each gateway's process is read where they
change: a slice has all that its process used until the next slice of that process began, also for
what it does behind the answers. The last one of each process has no end, and is left out. Every
other time they come in the opposite order.

Ends with an error at the first answer that is not a whole 200. Prints one line of JSON: for each of
the ways, in their order, what was seen in each of its slices.
"""

import argparse
import json
import select
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench import payload
from bench.paced import quantile, request_bytes
from bench.processes import own_cpu_us, threads_us

_PATIENCE_S = 20.0
_PIECE = 1 << 16
_OK = b"HTTP/1.1 200"
_LENGTH = b"\r\ncontent-length: "
Seen = dict[str, float]
"""Of a slice: `answers`, `seconds`, `p50_us`, `p99_us`, and `cpu_us` with its part `threads_us`."""


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


class Process:
    """A gateway's process: what it uses belongs to the slice that began last."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._used = 0.0, 0.0
        self._slice: Seen = {}
        self._taken: list[Seen] = []

    def begin(self, taken: list[Seen]) -> Seen:
        """Begin a slice, which ends the one before: that is then among what was taken of its way.

        Raises OSError for a process that is gone.
        """
        used = own_cpu_us(self._pid), threads_us(self._pid)
        if self._slice:
            self._slice["cpu_us"], self._slice["threads_us"] = (
                now - before for now, before in zip(used, self._used, strict=True)
            )
            self._taken.append(self._slice)
        self._used, self._taken, self._slice = used, taken, {}
        return self._slice


@dataclass(frozen=True, slots=True)
class Way:
    """What is asked, and how; `taken` are its slices that have ended."""

    request: bytes
    crowd: Crowd
    process: Process
    taken: list[Seen]

    def ask(self, times: int) -> None:
        """Have a slice of requests answered."""
        seen = self.process.begin(self.taken)
        began = time.perf_counter()
        latencies = self.crowd.ask(self.request, times, len(payload.answer_body()))
        seen["seconds"] = time.perf_counter() - began
        latencies.sort()
        seen["answers"] = len(latencies)
        seen["p50_us"] = quantile(latencies, 0.5) / 1e3
        seen["p99_us"] = quantile(latencies, 0.99) / 1e3


def run(arguments: argparse.Namespace) -> list[list[Seen]]:
    """Ask, slice by slice."""
    crowds: dict[str, Crowd] = {}
    processes: dict[int, Process] = {}
    ways = []
    for url, key, model, pid in json.loads(arguments.ways):
        if url not in crowds:
            crowds[url] = Crowd(url, arguments.connections)
            processes[pid] = Process(pid)
        request = request_bytes(url, key, payload.request_body(model=model))
        ways.append(Way(request, crowds[url], processes[pid], []))
    for number in range(arguments.slices):
        for way in ways if number % 2 == 0 else ways[::-1]:
            way.ask(arguments.requests)
    return [way.taken for way in ways]


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="bench.alternate", description=__doc__)
    parser.add_argument("--ways", required=True, help="JSON: a list of [url, key, model, pid]")
    parser.add_argument("--connections", type=int, required=True, help="to each gateway")
    parser.add_argument("--requests", type=int, required=True, help="of each slice")
    parser.add_argument("--slices", type=int, required=True, help="of each way")
    try:
        print(json.dumps(run(parser.parse_args())))
    except (NotAnsweredError, OSError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
