"""`llmproxy registry` with Azure Cosmos DB, at its emulator: made, filled, copied both ways."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.cli.conftest import ECHO
from tests.api.gateway import command
from tests.emulator.running import WRONG_KEY, Emulator, emulator, require

Over = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="account")
def _account() -> Iterator[Emulator]:
    require()
    with emulator() as running:
        yield running


@pytest.fixture(name="over")
def _over(account: Emulator, tmp_path: Path) -> Over:
    """Give a function that runs a command over the account."""

    def run(*arguments: str, given: str = "", **changed: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
            "COSMOS_URL": account.url,
            "COSMOS_KEY": account.key,
            **changed,
        }
        done = subprocess.run(
            [*command(), *arguments],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert account.key not in done.stdout + done.stderr
        return done

    return run


def archive(over: Over, **changed: str) -> dict[str, Any]:
    """What `registry export` writes, its documents by id: stores have orders of their own."""
    done = over("registry", "export", **changed)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    for part in ("models", "projects", "keys"):
        found[part] = {each["id"]: each for each in found[part]}
    return found


def test_without_containers(over: Over) -> None:
    """What to run is said; nothing is made by other commands."""
    done = over("models", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "llmproxy registry init" in done.stderr


def test_a_wrong_key(over: Over) -> None:
    """It is told as what it is."""
    done = over("registry", "init", COSMOS_KEY=WRONG_KEY)
    assert (done.returncode, done.stdout) == (1, "")
    assert "COSMOS_KEY" in done.stderr
    assert WRONG_KEY not in done.stderr


def test_made_filled_and_copied_both_ways(over: Over, tmp_path: Path) -> None:
    """All of it arrives, again changes nothing, and --prune removes what is not in the source."""
    lines = over("registry", "init").stdout.splitlines()
    assert lines == [
        "database llm-proxy is made",
        "container models is made",
        "container keys is made",
        "container usage is made",
    ]
    assert all(
        line.endswith("is there already") for line in over("registry", "init").stdout.splitlines()
    )
    over(
        "models", "import", "-", given=json.dumps([ECHO, ECHO | {"id": "two", "provider": "local"}])
    )
    over("projects", "set", "team", "--name", "Team")
    over("keys", "create", "--project", "team", "--expires", "30d")
    here, there = f"sqlite:{tmp_path}/copy", {"LLMPROXY_DATA_DIR": f"{tmp_path}/copy"}
    status = json.loads(over("registry", "status", "--json").stdout)
    assert (status["models"], status["projects"], status["keys"]["live"]) == (2, 1, 1)

    first = over("registry", "copy", "--from", "cosmos", "--to", here)
    assert (first.returncode, len(first.stdout.splitlines())) == (0, 4)
    filled = archive(over)
    assert archive(over, COSMOS_URL="", **there) == filled

    over("models", "patch", "two", "-", given='{"name": "New"}', COSMOS_URL="", **there)
    over("models", "remove", "echo", COSMOS_URL="", **there)
    dry = over("registry", "copy", "--from", here, "--to", "cosmos", "--dry-run", "--prune")
    assert dry.stdout == 'changed model two\n  name: "Echo" -> "New"\nremoved model echo\n'
    assert archive(over) == filled
    back = over("registry", "copy", "--from", here, "--to", "cosmos", "--prune")
    assert back.stdout == "changed model two\nremoved model echo\n"
    assert archive(over) == archive(over, COSMOS_URL="", **there)
    assert over("registry", "copy", "--from", here, "--to", "cosmos", "--prune").stdout == ""


def test_an_account_that_is_away(over: Over, account: Emulator) -> None:
    """A sentence, in bounded time."""
    over("registry", "init")
    account.away(on=True)
    done = over("registry", "status")
    account.away(on=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llmproxy: ")
