"""Shell that people run: the scripts, and the blocks of docs/deployment.md."""

import re
from pathlib import Path

import pytest

from tests.deploy.programs import ROOT, program, ran

PAGE = (ROOT / "docs/deployment.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCRIPTS = sorted(
    path
    for path in [*(ROOT / "scripts").iterdir(), *(ROOT / "deploy").iterdir()]
    if path.is_file() and path.read_bytes().startswith((b"#!/usr/bin/env bash", b"# shellcheck"))
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    """The linter of shell scripts is content. Sourced files are read with the one that does."""
    # Below a warning are ways of writing that are meant here: `a && b || c`, `! in_ci; return`.
    shellcheck = program("shellcheck", "the environment deploy")
    ran(shellcheck, "--severity=warning", "-x", "-P", "SCRIPTDIR:SCRIPTDIR/..", str(script))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][:50])
def test_every_block_is_shell(block: str) -> None:
    """What the page tells to type is one piece for a shell."""
    ran("bash", "-n", given=block)


def test_every_file_that_is_named_is_there() -> None:
    """Paths in the page's blocks and words lead to files of the repository."""
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", PAGE)) | set(re.findall(r"\bscripts/\w+", PAGE))
    assert len(named) > 8
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_image_is_built_by_buildkit() -> None:
    """`az acr build` has none (github.com/Azure/acr/issues/721), and the Dockerfile needs it."""
    assert "RUN --mount" in (ROOT / "Dockerfile").read_text("utf-8")
    assert "docker buildx build" in PAGE
    assert "az acr build" not in PAGE


def test_every_az_command_has_its_group() -> None:
    """No command for Azure relies on a group that somebody has set as a default."""
    commands = re.findall(r"^az (?:.*\\\n)*.*$", PAGE, re.MULTILINE)
    assert len(commands) > 12
    with_none = {"group create", "role assignment", "acr login", "keyvault secret"}
    for command in commands:
        words = " ".join(command.split()[1:3])
        assert "--resource-group" in command or words in with_none, command
