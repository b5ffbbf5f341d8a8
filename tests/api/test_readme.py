"""The README's examples are run as they stand, against a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import documented
from tests.api.documented import ADDRESS, BLOCK, LIMIT_S, Block, output
from tests.api.gateway import ROOT, Gateway, command, run, serving
from tests.api.programs import needs

NODE_MODULES = ROOT / "tests/clients_node/node_modules"
NODE = os.environ.get("LLMPROXY_NODE") or shutil.which("node")
SAID = "Hello, world!"


def sections(name: str) -> list[list[Block]]:
    """The fenced blocks of a file, by section, in order."""
    parts = re.split(r"^## ", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    return [[Block(*found) for found in BLOCK.findall(part)] for part in parts]


ENGLISH, PORTUGUESE = sections("README.md"), sections("README.pt-BR.md")
START, FIRST, MODELS, KEYS, ADMINISTRATION, MONEY, PRODUCTION = filter(None, ENGLISH)


def shell(block: Block, gateway: Gateway, folder: Path) -> str:
    """Run a shell block in `folder`, with `llmproxy` on the path."""
    environment = {**os.environ, **gateway.environment}
    return documented.shell(block.text.replace(ADDRESS, gateway.url), environment, folder)


@pytest.fixture(scope="module", name="fresh")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server as `scripts/serve` starts it the first time."""
    with serving(tmp_path_factory.mktemp("fresh")) as gateway:
        yield gateway


def test_both_languages_have_the_same_blocks() -> None:
    """README.pt-BR.md shows the very commands, programs and documents of README.md."""
    assert ENGLISH == PORTUGUESE
    languages = [block.language for blocks in ENGLISH for block in blocks]
    assert languages == ["sh", "sh", "sh", "python", "js", "jsonc", "sh", "sh", "sh", "sh", "sh"]


def test_the_two_commands_are_there() -> None:
    """What the section Start names can be run."""
    (block,) = START
    programs = [line.split()[0] for line in block.text.splitlines()]
    assert programs == ["scripts/serve", "scripts/test"]
    assert all(os.access(ROOT / program, os.X_OK) for program in programs)


def test_curl(fresh: Gateway, tmp_path: Path) -> None:
    """The first request answers with what it was sent."""
    plain = shell(FIRST[0], fresh, tmp_path)
    assert f'"content":"{SAID}"' in plain


def test_curl_streamed(fresh: Gateway, tmp_path: Path) -> None:
    """Streamed, the answer comes word by word and ends in [DONE]."""
    streamed = shell(FIRST[1], fresh, tmp_path)
    words = re.findall(r'"delta":\{"content":"([^"]*)"', streamed)
    assert words == ["Hello,", " world!"]
    assert streamed.endswith("data: [DONE]\n\n")


def test_openai_python(fresh: Gateway, tmp_path: Path) -> None:
    """The official Python SDK prints the answer twice: plain and streamed."""
    program = tmp_path / "first.py"
    program.write_text(FIRST[2].text.replace(ADDRESS, fresh.url))
    assert output([sys.executable, str(program)], os.environ, tmp_path) == f"{SAID}\n{SAID}\n"


def test_openai_node(fresh: Gateway, tmp_path: Path) -> None:
    """The official Node SDK prints the answer twice: plain and streamed."""
    needs(NODE and (NODE_MODULES / "openai").is_dir(), "node with the packages of clients_node")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    program = tmp_path / "first.mjs"
    program.write_text(FIRST[3].text.replace(ADDRESS, fresh.url))
    assert output([str(NODE), str(program)], os.environ, tmp_path) == f"{SAID}\n{SAID}\n"


def test_the_documents_are_imported(tmp_path: Path) -> None:
    """Every document of the section is taken without a warning, and the commands below it work."""
    documents, commands = MODELS
    (tmp_path / "models.jsonc").write_text(documents.text)
    with serving(tmp_path) as gateway:
        done = subprocess.run(
            [*command(), "models", "import", str(tmp_path / "models.jsonc")],
            env=dict(gateway.environment),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        )
        assert "warning" not in done.stderr
        assert "4 added" in done.stderr
        lines = [line for line in commands.text.splitlines() if "check" not in line]
        listed = shell(Block("sh", "\n".join(lines)), gateway, tmp_path)
    for code in ("gpt-4o", "deepseek-r1", "llama"):
        assert re.search(rf"\b{code}\b", listed)


def test_the_first_key(tmp_path: Path) -> None:
    """The commands of the section make a key that lists the models."""
    (block,) = KEYS
    with serving(tmp_path) as gateway:
        assert '"id":"echo"' in shell(block, gateway, tmp_path)
        assert '"project": "research"' in run(gateway.environment, "keys", "list", "--json")


def test_administering(tmp_path: Path) -> None:
    """Each command of the section works; the last explains a request to echo."""
    (block,) = ADMINISTRATION
    with serving(tmp_path) as gateway:
        said = shell(block, gateway, tmp_path)
    assert said.startswith("sk-llmproxy-")
    assert "echo" in said
    assert (tmp_path / "backup.json").is_file()


def test_money_and_limits(tmp_path: Path) -> None:
    """A key and its project get limits, and what they used is shown."""
    (block,) = MONEY
    with serving(tmp_path) as gateway:
        said = shell(block, gateway, tmp_path)
        assert said.startswith("sk-llmproxy-")
        keys = run(gateway.environment, "keys", "list", "--json")
        assert '"cost_per_month": 25' in keys
        assert '"alert_at_percent": [80]' in run(
            gateway.environment, "projects", "list", "--json"
        ).replace("\n", "").replace("  ", "")


def test_running_it(tmp_path: Path) -> None:
    """The doctor finds nothing wrong with a new gateway; the script of the other line is there."""
    (block,) = PRODUCTION
    doctor, load = block.text.splitlines()
    with serving(tmp_path) as gateway:
        said = shell(Block("sh", doctor), gateway, tmp_path)
    assert "problem" not in said
    assert os.access(ROOT / load.split()[0], os.X_OK)
