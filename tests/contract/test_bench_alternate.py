"""The bench's client that asks models in turn, against a server over a real socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from bench import load, payload
from bench.samples import Sample, together

ROOT = Path(__file__).resolve().parents[2]
LINUX = sys.platform == "linux"
CORE = min(os.sched_getaffinity(0)) if LINUX else 0
pytestmark = pytest.mark.skipif(not LINUX, reason="the bench reads CPU clocks as Linux has them")

BUSY_US = 20_000
_BUSY = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from bench import payload

class Busy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload.answer_body())))
        self.end_headers()
        self.wfile.write(payload.answer_body())
        until = time.process_time() + int(sys.argv[1]) / 1e6
        while time.process_time() < until:
            pass

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Busy)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Asked(BaseHTTPRequestHandler):
    """Notes the models that are asked for, and answers as the bench's upstream does."""

    protocol_version = "HTTP/1.1"
    models: list[str]
    answer: bytes
    status: int

    def do_POST(self) -> None:
        """Answer a request; the head and the body go out one after the other."""
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.headers["authorization"] == "Bearer sk-1"
        self.models.append(json.loads(body)["model"])
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.flush()
        self.wfile.write(self.answer)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def asked(answer: bytes, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A server: its address, and the models that it was asked for so far."""
    models: list[str] = []
    members = {"models": models, "answer": answer, "status": status}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Asked,), members))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/chat/completions", models
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def busy() -> Iterator[tuple[str, int]]:
    """A gateway that works on for a while when it has answered: its address and its process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BUSY, str(BUSY_US)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/", process.pid
        finally:
            process.terminate()


def ways(url: str, *models: str) -> list[tuple[load.Target, int]]:
    """Models of one gateway, which is this process."""
    return [(load.Target(url, "sk-1", model=each), os.getpid()) for each in models]


def test_models_take_turns_slice_by_slice() -> None:
    """Every second time backwards; of the last slice of a process nobody knows the end."""
    with asked(payload.answer_body()) as (url, models):
        found = load.alternate(ways(url, "a", "b", "a"), CORE, load.Slices(2, 5, 3))
    runs = [(name, len([*each])) for name, each in groupby(models)]
    assert runs == [("a", 5), ("b", 5), ("a", 10), ("b", 5), ("a", 10), ("b", 5), ("a", 5)]
    assert [len(of_one) for of_one in found] == [3, 3, 2]
    for seen in (each for of_one in found for each in of_one):
        assert seen["answers"] == 5
        assert 0 < seen["p50_us"] <= seen["p99_us"] <= seen["seconds"] * 1e6
        assert 0 < seen["threads_us"] < seen["cpu_us"] + 1000 < 60e6


def test_what_a_gateway_does_behind_its_answers_is_its_own() -> None:
    """It stands in its slice, though another gateway is asked meanwhile."""
    with asked(payload.answer_body()) as (url, _), busy() as (other, pid):
        both = [*ways(url, "a"), (load.Target(other, "sk-1", model="b"), pid)]
        _, of_busy = load.alternate(both, CORE, load.Slices(1, 1, 6))
    assert len(of_busy) == 5
    assert sum(seen["cpu_us"] for seen in of_busy) > 4 * BUSY_US


@pytest.mark.parametrize(
    ("answer", "status"), [(payload.answer_body(), 503), (payload.answer_body()[:-1], 200)]
)
def test_an_answer_that_is_not_as_it_must_be_ends_it(answer: bytes, status: int) -> None:
    """A refusal, or an answer that is shorter than the upstream's, is no figure."""
    told = pytest.raises(load.LoadError, match=f"HTTP/1.1 {status}")
    with asked(answer, status) as (url, models), told:
        load.alternate(ways(url, "a"), CORE, load.Slices(1, 5, 3))
    assert models == ["a"]


def test_a_gateway_that_is_gone_ends_it() -> None:
    """Nobody listens there, or it is no process."""
    with asked(payload.answer_body()) as (url, _):
        gone = subprocess.Popen([sys.executable, "-c", ""], cwd=ROOT)
        gone.wait()
        with pytest.raises(load.LoadError):
            load.alternate([(load.Target(url, "sk-1"), gone.pid)], CORE, load.Slices(1, 1, 2))
    with pytest.raises(load.LoadError, match="refused"):
        load.alternate(ways(url, "a"), CORE, load.Slices(1, 1, 2))


def test_slices_add_up_to_a_round() -> None:
    """What is used is summed, and latencies are in the middle."""
    one = Sample("ours", "plain", "unary", 7, 10, 0, 1.0, 100.0, 1.0, 5.0, threads_us=3.0)
    two = replace(one, round=8, answers=20, seconds=2.0, cpu_us=500.0, p50_us=3.0, p99_us=9.0)
    both = replace(
        one, round=2, answers=30, seconds=3.0, cpu_us=600.0, p50_us=2.0, p99_us=7.0, threads_us=6.0
    )
    assert together([one, two], 2) == both
