"""The command line as a whole: help, version, wrong calls, unusable stores, a terminal."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
import typer

from llmproxy import __version__
from llmproxy.cli.running import Session, run
from llmproxy.domain.errors import Unavailable
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

MAIN = "from llmproxy.cli import main; main()"
COMMANDS = ("serve", "explain", "models", "keys", "projects", "registry")
HEAVY = ("fastapi", "pydantic", "starlette", "uvicorn", "msgspec", "httptools", "rich", "litellm")


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_help_names_every_command(llmproxy: Run, arguments: tuple[str, ...]) -> None:
    """Also when nothing is asked for."""
    text = llmproxy(*arguments).output

    assert all(f"\n  {command} " in text for command in COMMANDS)


@pytest.mark.parametrize(
    ("group", "commands"),
    [
        ("models", ("import", "list", "providers", "show", "patch", "remove", "check")),
        ("keys", ("create", "list", "show", "rotate", "change", "revoke")),
        ("projects", ("list", "show", "set", "remove")),
        ("registry", ("init", "export", "import", "import-litellm", "status")),
    ],
)
def test_groups_have_help(llmproxy: Run, group: str, commands: tuple[str, ...]) -> None:
    """Of their own and of each of their commands."""
    text = llmproxy(group, "--help").stdout

    for command in commands:
        assert f"\n  {command} " in text
        assert "--data-dir" in llmproxy(group, command, "--help").stdout


def test_the_version(llmproxy: Run) -> None:
    """One line."""
    assert llmproxy("--version").stdout == f"llmproxy {__version__}\n"


def test_help_waits_for_nothing_heavy() -> None:
    """The command line starts without server, frameworks and table drawing."""
    code = "import json, sys, llmproxy.cli.commands; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", code]
    loaded = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    assert "llmproxy.cli.models" in loaded
    assert set(HEAVY) & set(loaded) == set()


def test_serving_waits_for_no_options() -> None:
    """Where none are given, what reads them is not even loaded."""
    code = (
        "import json, sys; import llmproxy.cli.serving as serving\n"
        "serving.serve = lambda given: print(json.dumps([given, sorted(sys.modules)]))\n"
        "from llmproxy.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "serve"]
    given, loaded = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert given == {}
    assert "typer" not in loaded
    command += ["--port", "0"]
    given, loaded = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert given == {"PORT": "0"}
    assert "typer" in loaded


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("models", "import"), ("keys", "revoke"), ("models", "list", "-x")]
)
def test_wrong_calls_end_with_2(llmproxy: Run, arguments: tuple[str, ...]) -> None:
    """With the usage on stderr."""
    result = llmproxy(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


def test_a_setting_that_makes_no_sense(llmproxy: Run) -> None:
    """The variable is named; no traceback."""
    result = llmproxy("models", "list", env={"PORT": "none"})

    assert result.exit_code == 2
    assert "PORT" in result.stderr


def test_a_store_that_is_too_new(llmproxy: Run, tmp_path: Path) -> None:
    """A sentence on stderr and 1, whichever command it is."""
    llmproxy("keys", "list")
    with closing(sqlite3.connect(tmp_path / "data" / "llmproxy.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")

    for command in (("keys", "list"), ("models", "list"), ("keys", "create", "--admin")):
        result = llmproxy(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "schema version 99" in result.stderr


def test_a_store_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Come again later, in words, with the store's own reason."""

    async def work(_session: Session) -> None:
        raise Unavailable("The store is away.", detail="database is locked")

    with pytest.raises(typer.Exit) as caught:
        run(str(tmp_path), work)

    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == "llmproxy: The store is away. database is locked\n"


def test_the_data_folder_can_be_named(llmproxy: Run, tmp_path: Path) -> None:
    """The option wins over the variable."""
    result = llmproxy("keys", "list", "--data-dir", str(tmp_path / "named"))

    assert result.exit_code == 0
    assert (tmp_path / "named" / "llmproxy.sqlite3").exists()
    assert not (tmp_path / "data").exists()


def in_terminal(tmp_path: Path, *arguments: str) -> str:
    """Run a command with a terminal of 100 columns as its stdout and stderr."""
    controller, terminal = pty.openpty()
    environment = {
        **os.environ,
        "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
        "COLUMNS": "100",
        "TERM": "xterm-256color",
    }
    command = [sys.executable, "-c", MAIN, *arguments]
    text = b""
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        # Linux reports the end of a terminal whose other side is closed as an input error.
        with suppress(OSError):
            while piece := os.read(controller, 65536):
                text += piece
    os.close(controller)
    assert process.returncode == 0
    return text.decode()


def test_a_terminal_gets_a_drawn_table(llmproxy: Run, tmp_path: Path) -> None:
    """Rules, colours, no tabs; names that look like markup stay as they are."""
    given = document(id="[red]x", provider="Local", model_type="Echo", parameters={}, code="a[/]b")
    llmproxy("models", "import", "-", stdin=json.dumps(given))

    table = in_terminal(tmp_path, "models", "list")
    checked = in_terminal(tmp_path, "models", "check")

    assert "────" in table
    assert "\t" not in table
    assert "[red]x" in table
    assert "a[/]b" in table
    assert "\x1b[32mok" in checked
    assert "1/1" in checked
