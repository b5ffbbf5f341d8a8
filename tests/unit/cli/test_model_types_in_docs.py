"""docs/model-types.md: a section and a document for every type, and the address that it asks."""

import json
import re
from collections.abc import Iterator

import pytest

from llmproxy.domain.vendor import VENDORS
from tests.unit.cli.conftest import Run
from tests.unit.docs.pages import read
from tests.unit.test_documents_in_docs import TYPES

PAGE = read("model-types.md")
SHOWN = re.compile(r"^```jsonc\n(.*?)^```\n(?:\nAsks `(\S+)`\n)?", re.MULTILINE | re.DOTALL)
NOT_HERE = {"LiteLLM", "Echo"}
"""Types without an address: LiteLLM's is LiteLLM's affair, Echo has none."""
ACCOUNT = {
    "type": "service_account",
    "client_email": "a@b.example",
    "private_key": "-",
    "token_uri": "https://oauth2.googleapis.com/token",
    "project_id": "your-gcp-project",
}
KEYS = (
    "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "FOUNDRY_KEY", "ANTHROPIC_API_KEY", "CUSTOM_API_KEY",
)  # fmt: skip
SECRETS = {
    **dict.fromkeys(KEYS, "k" * 20),
    "CUSTOM_API_ENDPOINT": "https://api.customprovider.example/v1",
    "SP-BRIDGE-4852-DEV": json.dumps(ACCOUNT),
}
QUESTIONS = {
    "ChatCompletion": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
    "embeddings": ("/v1/embeddings", {"input": "Hi"}),
    "audio_tts": ("/v1/audio/speech", {"input": "Hi", "voice": "onyx"}),
}


def shown() -> Iterator[tuple[str, str]]:
    """Every document of the page, without its comments, and the address under it, or nothing."""
    for text, address in SHOWN.findall(PAGE):
        yield re.sub(r"^\s*//.*\n", "", text, flags=re.MULTILINE), address


def named(value: str) -> str:
    """A document's id stands for it in the name of a test; an address for itself."""
    found = re.search(r'"id": "([^"]+)"', value)
    return found[1] if found else value.removeprefix("https://").partition("/")[0]


@pytest.mark.parametrize(("text", "address"), [*shown()], ids=named)
def test_a_document_asks_this_address(text: str, address: str, llmproxy: Run) -> None:
    """What `explain` would send goes there; only types without an address show none."""
    document = json.loads(text)
    assert bool(address) is (document["model_type"] not in NOT_HERE)
    if not address:
        return
    assert llmproxy("models", "import", "-", stdin=text, env=SECRETS).exit_code == 0
    path, fields = QUESTIONS[document["operations"][0]]
    project = (document["projects"] or ["any"])[0]
    asked = json.dumps({"model": document["id"], **fields})
    words = ("explain", "-", "--json", "--endpoint", path, "--project", project)
    result = llmproxy(*words, stdin=asked, env=SECRETS)
    [candidate] = json.loads(result.stdout)["candidates"]
    assert candidate["request"]["url"] == address


def test_every_type_has_a_row_and_a_section() -> None:
    """The table links to a heading that names the type, or to one for its group."""
    table = PAGE.partition("\n## ")[0]
    assert {name for name, _ in TYPES if f"`{name}`" not in table} == set()
    assert {vendor.name for vendor in VENDORS if f"`{vendor.name}`" not in table} == set()
    sections = PAGE.split("\n## ")[1:]
    for name, _ in TYPES:
        assert any(f'"model_type": "{name}"' in section for section in sections), name
