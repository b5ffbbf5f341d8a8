"""The real server as a subprocess: started as a user starts it, ended by its process id."""

import http.client
import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_S = 30.0
STOP_S = 15.0
GREETING = "LLM Proxy serves at "


@dataclass(frozen=True, slots=True)
class Gateway:
    """A server that answers. `url` has no path; `environment` is for its command line too."""

    url: str
    log_path: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def base_url(self) -> str:
        """What an SDK's `base_url` is."""
        return f"{self.url}/v1"

    @property
    def log(self) -> str:
        """Everything that it wrote."""
        return self.log_path.read_text()

    def check(self) -> None:
        """Raise AssertionError when it ended by itself or wrote a traceback."""
        assert self.process.poll() is None, f"the server ended:\n{self.log}"
        assert "Traceback" not in self.log, f"the server wrote a traceback:\n{self.log}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask without any SDK: status and body."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def command() -> list[str]:
    """The gateway's command: `LLMPROXY_BIN`, else the one that `scripts/test` makes."""
    default = str(ROOT / ".environments/run/bin/llmproxy")
    return shlex.split(os.environ.get("LLMPROXY_BIN", default))


def run(environment: Mapping[str, str], *arguments: str, given: str = "") -> str:
    """Run a command of the gateway; what it wrote. Raises AssertionError when it fails."""
    done = subprocess.run(
        [*command(), *arguments],
        env=dict(environment),
        input=given,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def serving(
    folder: Path,
    documents: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """Register the documents, serve on a free port with data in `folder`, and end the server.

    Raises AssertionError when it does not start, or when its exit or its log shows a failure.
    """
    environment = {
        # Nothing of this shell but what a process needs: no proxies, no settings of a developer.
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LLMPROXY_DATA_DIR": str(folder / "data"),
        "DRAIN_DELAY_S": "0",  # nobody sends it requests who is not told that it ends
        **(settings or {}),
    }
    if documents:
        run(environment, "models", "import", "-", given=json.dumps(list(documents)))
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command(), "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        gateway = Gateway(address(process, log_path), log_path, process, environment)
        _wait_until_ready(gateway)
        yield gateway
        gateway.check()
        process.terminate()
        code = process.wait(STOP_S)
        assert code == 0, f"the server ended with {code}:\n{gateway.log}"
        assert "Traceback" not in gateway.log, f"the server wrote a traceback:\n{gateway.log}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def address(process: subprocess.Popen[bytes], log_path: Path) -> str:
    """The address from the server's greeting."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        for line in log_path.read_text().splitlines(keepends=True):
            said = _message(line) if line.startswith("{") else line
            if said.startswith(GREETING) and line.endswith("\n"):
                return said.removeprefix(GREETING).strip()
        time.sleep(0.02)
    raise AssertionError(f"the server did not start:\n{log_path.read_text()}")


def _message(line: str) -> str:
    """What a line in JSON says; nothing while it is being written."""
    try:
        return str(json.loads(line).get("message"))
    except ValueError:
        return ""


def _wait_until_ready(gateway: Gateway) -> None:
    until = time.monotonic() + START_S
    status = None
    while time.monotonic() < until:
        gateway.check()
        try:
            status, _ = gateway.get("/health/ready")
        except ConnectionError:
            status = None  # the address is printed before the listener is open
        if status == 200:
            return
        time.sleep(0.02)
    raise AssertionError(f"/health/ready says {status}:\n{gateway.log}")
