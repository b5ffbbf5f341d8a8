"""The commands of docs/command-line.md and docs/migrating-from-litellm.md are run as they stand."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from llmproxy.application.use_cases.transfer_registry.archive import read_archive
from llmproxy.cli.commands import app
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/command-line.md").read_text("utf-8")
MIGRATING = (ROOT / "docs/migrating-from-litellm.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ECHO = document(id="echo", code="echo", provider="Local", model_type="Echo", parameters={})
ELSEWHERE = re.compile(r"llmproxy serve|--to cosmos|--throughput|models check$|prices suggest")
"""What needs a port, an account, providers, or LiteLLM: parsed, not run."""


def commands(text: str) -> list[str]:
    """Give every command of a page."""
    lines = [
        line for kind, block in BLOCK.findall(text) if kind == "sh" for line in block.splitlines()
    ]
    return [line.partition("  #")[0] for line in lines if line.startswith("llmproxy ")]


def leaves(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Give every command that there is, with its words."""
    for name, each in getattr(command, "commands", {}).items():
        if hasattr(each, "commands"):
            yield from leaves(each, *path, name)
        else:
            yield (*path, name), each


LEAVES = dict(leaves(typer.main.get_command(app)))


def leaf_of(words: list[str]) -> tuple[Any, list[str]]:
    """Give the command that these words name, and its arguments."""
    for length in (1, 2):
        found = LEAVES.get(tuple(words[:length]))
        if found is not None:
            return found, words[length:]
    raise AssertionError(f"there is no command {' '.join(words)}")


@pytest.mark.parametrize("line", [*commands(PAGE), *commands(MIGRATING)])
def test_every_command_is_one(line: str) -> None:
    """Its arguments and options are those of the real command."""
    words = shlex.split(line)[1:]
    if words == ["--version"]:
        return
    command, arguments = leaf_of(words)
    command.make_context("llmproxy", arguments)


def test_every_command_and_option_is_shown() -> None:
    """Each has an example; options that many have are described at the top."""
    for path, command in LEAVES.items():
        lines = [line for line in commands(PAGE) if line.startswith(f"llmproxy {' '.join(path)} ")]
        bare = f"llmproxy {' '.join(path)}"
        assert lines or bare in commands(PAGE), path
        for param in command.params:
            options = [each for each in param.opts if each.startswith("--")]
            everywhere = {"--help", "--data-dir", "--url"}
            if options and not everywhere & set(options):
                shown = " ".join(lines).replace("=", " ").split()
                assert set(options) & set(shown), (path, options)


@pytest.fixture(name="workplace")
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    request = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}
    config = {
        "model_list": [
            {
                "model_name": "gpt",
                "litellm_params": {"model": "openai/gpt-5", "api_key": "os.environ/K"},
                "model_info": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
            }
        ]
    }
    (tmp_path / "more").mkdir()
    files = {
        "models.jsonc": [document(id="gpt-4o-mini", code="gpt-4o-mini"), ECHO],
        "more/third.json": document(id="third"),
        "patch.json": {"name": "New"},
        "request.json": request,
        "config.yaml": config,
    }
    for name, value in files.items():
        (tmp_path / name).write_text(json.dumps(value))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [PAGE, MIGRATING], ids=["command-line", "migrating"])
@pytest.mark.usefixtures("workplace")
def test_the_examples_work(llmproxy: Run, page: str) -> None:
    """One after another, on one store."""
    llmproxy("projects", "set", "described", "--name", "x")
    key_id = "none yet"
    for line in commands(page):
        if ELSEWHERE.search(line):
            continue
        result = llmproxy(*shlex.split(line.replace("KEY_ID", key_id))[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        listed = json.loads(llmproxy("keys", "list", "--json").stdout)
        live = [each["id"] for each in listed if each["state"] == "live" and each["project"]]
        key_id = live[-1] if live else key_id


def test_the_format_of_exports() -> None:
    """The example is one."""
    (text,) = (block for kind, block in BLOCK.findall(PAGE) if kind == "json")
    archive = read_archive(json.loads(text))
    assert archive.plain() == json.loads(text)
