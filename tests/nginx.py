"""nginx as a process of a test's own."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.api.programs import needs

START_S = 10.0
_FOUND = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
"""Debian's is where only root looks."""
_CONFIGURATION = """\
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
}}
"""


def program() -> str:
    """Its path. Skips where it is missing; fails where CI=true."""
    needs(_FOUND, "nginx (Debian's package nginx-light)")
    return _FOUND or ""


def configuration(folder: Path, http: str) -> str:
    """A whole configuration that writes into `folder` only, with this in its `http` block."""
    return _CONFIGURATION.format(folder=folder, http=http)


@contextmanager
def started(
    written: Path, folder: Path, ports: Sequence[int]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run nginx with a configuration that listens at these ports; its words go to `nginx.log`.

    Raises AssertionError with these words when it does not start.
    """
    nginx = program()
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name}; " if os.geteuid() == 0 else ""
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(
            [nginx, "-c", str(written), "-g", f"{user}daemon off;"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(ports, process, folder)
        yield process
    finally:
        process.terminate()
        process.wait(START_S)


def _wait_for(ports: Sequence[int], process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + START_S
    waiting = list(ports)
    while waiting and time.monotonic() < until and process.poll() is None:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=1).close()
            waiting.pop(0)
            continue
        time.sleep(0.02)
    assert not waiting, f"nginx did not start:\n{(folder / 'nginx.log').read_text()}"
