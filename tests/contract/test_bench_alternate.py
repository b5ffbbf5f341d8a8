"""The bench's client that asks models in turn, against a server over a real socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from bench import load, payload

ROOT = Path(__file__).resolve().parents[2]


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


def targets(url: str, *models: str) -> list[load.Target]:
    """The models of one gateway."""
    return [load.Target(url, "sk-1", model=each) for each in models]


def test_models_take_turns_slice_by_slice() -> None:
    """Every second time backwards; each slice is told, with the CPU of the process asked about."""
    with asked(payload.answer_body()) as (url, models):
        slices = load.Slices(connections=2, requests=5, count=3)
        found = load.alternate(targets(url, "a", "b", "a"), 0, slices, os.getpid())
    runs = [(name, len([*each])) for name, each in groupby(models)]
    assert runs == [("a", 5), ("b", 5), ("a", 10), ("b", 5), ("a", 10), ("b", 5), ("a", 5)]
    assert [len(of_one) for of_one in found] == [3, 3, 3]
    for seen, cpu_us in (each for of_one in found for each in of_one):
        assert (seen.answers, seen.failed) == (5, 0)
        assert 0 < seen.p50_us <= seen.p99_us <= seen.seconds * 1e6
        assert 0 < cpu_us < 60e6


@pytest.mark.parametrize(
    ("answer", "status"), [(payload.answer_body(), 503), (payload.answer_body()[:-1], 200)]
)
def test_an_answer_that_is_not_as_it_must_be_ends_it(answer: bytes, status: int) -> None:
    """A refusal, or an answer that is shorter than the upstream's, is no figure."""
    with asked(answer, status) as (url, models):
        slices = load.Slices(connections=1, requests=5, count=3)
        with pytest.raises(load.LoadError, match=f"HTTP/1.1 {status}"):
            load.alternate(targets(url, "a"), 0, slices, os.getpid())
    assert models == ["a"]


def test_a_gateway_that_is_gone_ends_it() -> None:
    """Nobody listens there, or it is no process."""
    with asked(payload.answer_body()) as (url, _):
        gone = subprocess.Popen([sys.executable, "-c", ""], cwd=ROOT)
        gone.wait()
        slices = load.Slices(connections=1, requests=1, count=1)
        with pytest.raises(load.LoadError):
            load.alternate(targets(url, "a"), 0, slices, gone.pid)
    with pytest.raises(load.LoadError, match="refused"):
        load.alternate(targets(url, "a"), 0, slices, os.getpid())
