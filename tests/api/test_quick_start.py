"""docs/quick-start.md is followed as it stands, with the simulator in Azure's place."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.asking import ask, bearer, within
from tests.api.documented import ADDRESS, Block, blocks, output, shell
from tests.api.gateway import ROOT, Gateway, run, serving
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.runner import running

PAGE, PORTUGUESE = blocks("docs/quick-start.md"), blocks("docs/pt-BR/inicio-rapido.md")
SERVE, PATH, SECRET, REGISTER, KEY, CURL, PYTHON, USAGE = PAGE
ANSWER = "Simulated answer to: Hello, world!"
SOON_S = 10.0
"""Changes are in effect within 5 s."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the page is followed: a folder, a server, Azure, and the key that was made."""

    folder: Path
    gateway: Gateway
    azure: AzureOpenAISimulator
    key: str

    def shell(self, block: Block) -> str:
        """Run a block, with the server's real address and the key in its variable."""
        environment = {**self.gateway.environment, "KEY": self.key}
        return shell(block.text.replace(ADDRESS, self.gateway.url), environment, self.folder)


def _there(text: str, azure: AzureOpenAISimulator) -> str:
    """A block with what every reader puts in: address, deployment and key."""
    mine = {
        "https://your-resource.openai.azure.com/": azure.url,
        "your-deployment": "chat",
        "your-azure-openai-key": azure.api_key,
    }
    for shown, real in mine.items():
        text = text.replace(shown, real)
    return text


@pytest.fixture(scope="module", name="desk")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Steps 1 to 4."""
    folder = tmp_path_factory.mktemp("quick")
    with running(AzureOpenAISimulator()) as azure:
        shell(_there(SECRET.text, azure), os.environ, folder)
        with serving(folder, settings={"LLMPROXY_ENV_FILE": str(folder / ".env")}) as gateway:
            said = shell(_there(REGISTER.text, azure), gateway.environment, folder)
            assert "gpt-4o" in said
            assert "problem" not in said
            made = shell(f'{KEY.text}\necho "$KEY"', gateway.environment, folder)
            key = made.split()[-1]
            assert key.startswith("sk-llmproxy-")
            path, headers = "/v1/models/gpt-4o", bearer(key)
            assert within(SOON_S, lambda: ask(gateway.url, path).status == 401)
            assert within(SOON_S, lambda: ask(gateway.url, path, headers=headers).status == 200)
            yield Desk(folder, gateway, azure, key)


def test_both_languages_have_the_same_blocks() -> None:
    """The page in Portuguese shows the very commands, programs and documents."""
    assert PAGE == PORTUGUESE
    assert [block.language for block in PAGE] == ["sh"] * 6 + ["python", "sh"]


def test_the_gateway_is_started_by_what_is_there() -> None:
    """The script exists, and makes the folder that is put on the path."""
    assert SERVE.text.split() == ["scripts/serve"]
    assert os.access(ROOT / "scripts/serve", os.X_OK)
    assert ".environments/run/bin" in PATH.text


def test_the_command_is_there(desk: Desk) -> None:
    """It says its version."""
    assert desk.shell(PATH).startswith("llmproxy ")


def test_asked_with_curl(desk: Desk) -> None:
    """Azure's answer comes back, through the key."""
    assert f'"content":"{ANSWER}"' in desk.shell(CURL).replace('": "', '":"')


def test_asked_with_openai_python(desk: Desk) -> None:
    """The program prints the answer as it streams."""
    program = desk.folder / "ask.py"
    program.write_text(PYTHON.text.replace(ADDRESS, desk.gateway.url))
    said = output([sys.executable, str(program)], {**os.environ, "KEY": desk.key}, desk.folder)
    assert said == f"{ANSWER}\n"


def test_what_it_cost(desk: Desk) -> None:
    """The ledger has the calls within seconds, with the project and the model."""
    desk.shell(CURL)
    environment = desk.gateway.environment
    assert within(SOON_S, lambda: "gpt-4o" in run(environment, "usage", "--by", "model"))
    said = desk.shell(USAGE)
    assert "research" in said
    assert '"cost_per_month": 25' in run(environment, "keys", "list", "--json")
