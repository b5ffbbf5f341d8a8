"""nginx in front of two gateways, configured as docs/lifecycle.md says."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

START_S = 10.0
PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
"""Debian's is where only root looks."""
CONFIGURATION = """
{user}
error_log {folder}/error.log;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{upstream}
  server {{
    listen 127.0.0.1:{port};
{location}
  }}
}}
"""
DOCUMENT = Path(__file__).parents[3] / "docs" / "lifecycle.md"


def require() -> None:
    """Skip the test where nginx is missing, with the reason; fail it in CI."""
    if PROGRAM is not None:
        return
    reason = "nginx was not found (Debian's package nginx-light has it)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def advised(ports: Sequence[int]) -> tuple[str, str]:
    """The blocks `upstream` and `location` of docs/lifecycle.md, for these ports."""
    _, _, rest = DOCUMENT.read_text("utf-8").partition("```nginx\n")
    block, _, _ = rest.partition("```")
    upstream, _, location = block.partition("\n\n")
    for written, port in zip(("10.0.0.1:8000", "10.0.0.2:8000"), ports, strict=True):
        assert upstream.count(written) == 1
        upstream = upstream.replace(written, f"127.0.0.1:{port}")
    return upstream, location


@contextmanager
def balancing(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Run nginx before these ports while the block runs; yield its address."""
    folder.mkdir()
    port = free_port()
    upstream, location = advised(ports)
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        CONFIGURATION.format(
            user=user, folder=folder, upstream=upstream, location=location, port=port
        )
    )
    process = subprocess.Popen(
        [
            PROGRAM or "nginx",
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
            "-g",
            "daemon off;",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    log = folder / "error.log"
    raise AssertionError(f"nginx did not start:\n{log.read_text() if log.exists() else ''}")
