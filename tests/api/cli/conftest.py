"""A gateway with an admin key, and the command line asking it from elsewhere."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.gateway import Gateway, command, serving

ADMIN_KEY = "an-admin-key-of-the-environment-0001"
ECHO = {
    "id": "echo",
    "name": "Echo",
    "provider": "Local",
    "model_type": "Echo",
    "projects": [],
    "private": False,
    "parameters": {},
    "free": True,
    "operations": ["ChatCompletion"],
}
Remote = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", name="gateway")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    folder = tmp_path_factory.mktemp("administered")
    with serving(folder, [ECHO], settings) as gateway:
        yield gateway


@pytest.fixture(name="remote")
def _remote(gateway: Gateway, tmp_path: Path) -> Remote:
    """Give a function that runs a command against the gateway: no data folder of its own."""

    def run(
        *arguments: str, given: str = "", key: str = ADMIN_KEY
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LLMPROXY_URL": gateway.url,
            "LLMPROXY_ADMIN_KEY": key,
        }
        done = subprocess.run(
            [*command(), *arguments],
            env=environment,
            cwd=tmp_path,
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert key not in done.stdout + done.stderr
        assert list(tmp_path.rglob("*.sqlite3")) == []
        return done

    return run
