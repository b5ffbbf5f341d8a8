"""docs/integrations.md: its programs are run, and its versions are those of the locks."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.api.documented import output
from tests.api.gateway import ROOT
from tests.api.programs import needs
from tests.integrations.page import PAGE, SAID, written
from tests.integrations.stage import Stage

NODE = os.environ.get("LLMPROXY_NODE") or shutil.which("node")
MODULES = {
    "openai-node": ROOT / "tests/clients_node/node_modules",
    "Vercel AI SDK": ROOT / "tests/integrations/vercel/node_modules",
}
LOCKS = ("requirements/clients.txt", "requirements/litellm-tests.txt")
NODE_LOCKS = ("tests/clients_node", "tests/integrations/vercel")
VERSION = re.compile(r"(@?[a-z][a-z/-]*[a-z]) (\d+\.\d+\.\d+)")


@pytest.mark.parametrize("heading", ["openai-python", "LangChain"])
def test_python(stage: Stage, tmp_path: Path, heading: str) -> None:
    """The program prints the answer twice: whole and streamed."""
    program = written(heading, "example.py", stage, tmp_path)
    assert output([sys.executable, str(program)], stage.environment) == SAID * 2


@pytest.mark.parametrize("heading", sorted(MODULES))
def test_node(stage: Stage, tmp_path: Path, heading: str) -> None:
    """The program prints the answer twice: whole and streamed."""
    needs(NODE and MODULES[heading].is_dir(), f"node with the packages of {heading}")
    (tmp_path / "node_modules").symlink_to(MODULES[heading])
    program = written(heading, "example.mjs", stage, tmp_path)
    assert output([str(NODE), str(program)], stage.environment) == SAID * 2


def test_shell(stage: Stage, tmp_path: Path) -> None:
    """The models are listed, and the answer comes in events."""
    needs(shutil.which("curl"), "curl")
    program = written("curl", "example.sh", stage, tmp_path)
    said = output(["bash", "-euo", "pipefail", str(program)], stage.environment)
    assert '"id":"echo"' in said
    words = re.findall(r'"delta":\{"content":"([^"]*)"', said)
    assert "".join(words) == SAID.strip()
    assert said.endswith("data: [DONE]\n\n")


def test_the_versions_are_those_that_are_tried() -> None:
    """A lock that is remade makes the page say so."""
    pinned = set()
    for lock in LOCKS:
        pinned |= set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
    for folder in NODE_LOCKS:
        packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        pinned |= {
            (name.removeprefix("node_modules/"), entry["version"])
            for name, entry in packages.items()
            if name
        }
    table = PAGE.partition("| tool |")[2].partition("\n\n")[0]
    told = set(VERSION.findall(table))
    assert len(told) == 9
    assert told - pinned == set()
