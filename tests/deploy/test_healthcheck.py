"""The command by which Docker knows whether the gateway lives."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from tests.deploy.programs import ROOT
from tests.ports import free_port
from tests.simulators.runner import tls_context
from tests.simulators.tls import self_signed


class Health(BaseHTTPRequestHandler):
    """Live, and not ready."""

    def do_GET(self) -> None:
        """Answer by the path."""
        self.send_response(200 if self.path == "/health/live" else 503)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, *, tls: bool) -> Iterator[int]:
    """Answer at a port."""
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        if tls:
            context = tls_context(*self_signed(folder))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def look(port: int, path: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as the image does."""
    script = str(ROOT / "deploy/healthcheck.py")
    return subprocess.run(
        [sys.executable, "-I", "-S", script, path],
        env={"PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("tls", [False, True])
def test_it_says_what_the_gateway_says(tmp_path: Path, *, tls: bool) -> None:
    """200 is well, anything else is not, with the reason; with TLS too, whoever signed it."""
    with serving(tmp_path, tls=tls) as port:
        assert look(port, "/health/live").returncode == 0
        unwell = look(port, "/health/ready")
    assert unwell.returncode == 1
    assert unwell.stderr == "/health/ready says 503\n"


def test_nobody_is_not_well() -> None:
    """Where nothing listens, it says so at once."""
    alone = look(free_port(), "/health/live")
    assert alone.returncode == 1
    assert "refused" in alone.stderr
