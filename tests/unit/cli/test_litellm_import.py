"""`llmproxy registry import-litellm`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

RECORDED = Path(__file__).parents[2] / "recorded" / "litellm_config"
CONFIG = RECORDED / "load_balanced.yaml"


def registered(llmproxy: Run) -> list[dict[str, object]]:
    """The documents that are kept."""
    documents: list[dict[str, object]] = json.loads(llmproxy("models", "list", "--json").stdout)
    return documents


def test_models_are_registered_and_the_rest_is_reported(llmproxy: Run) -> None:
    """Documents first, then what is to do, was changed, was left out."""
    result = llmproxy("registry", "import-litellm", str(CONFIG))
    documents, report = result.stdout.split("\n\n")
    kinds = [line.split("\t")[0] for line in report.splitlines()[1:]]

    assert result.exit_code == 0
    assert "added\tgpt-4o-azure\tgpt-4o\tAzure\tAzureOpenAI" in documents
    assert sorted(set(kinds), key=kinds.index) == ["to do", "changed", "left out"]
    assert "8 documents; 3 things to do" in result.stderr
    expected = json.loads((RECORDED / "load_balanced.expected.json").read_text())
    assert registered(llmproxy) == expected["documents"]
    again = llmproxy("registry", "import-litellm", str(CONFIG))
    assert again.stdout.count("unchanged\t") == 8


def test_a_dry_run_keeps_nothing(llmproxy: Run) -> None:
    """From stdin too."""
    text = CONFIG.read_text()

    result = llmproxy("registry", "import-litellm", "-", "--dry-run", stdin=text)

    assert result.stdout.count("added\t") == 8
    assert "nothing was kept" in result.stderr
    assert registered(llmproxy) == []


def test_documents_in_a_folder(llmproxy: Run, tmp_path: Path) -> None:
    """A file each, which can be imported; what is there is not overwritten."""
    folder = tmp_path / "documents"

    result = llmproxy("registry", "import-litellm", str(CONFIG), "--write", str(folder))
    again = llmproxy("registry", "import-litellm", str(CONFIG), "--write", str(folder))

    assert result.exit_code == 0
    assert registered(llmproxy) == []
    assert len(list(folder.glob("*.json"))) == 8
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert llmproxy("models", "import", str(folder)).exit_code == 0
    assert len(registered(llmproxy)) == 8


def test_no_planted_secret_is_printed_or_kept(llmproxy: Run, tmp_path: Path) -> None:
    """Not in the report, the documents or the data folder."""
    config = RECORDED / "literal_secrets.yaml"

    result = llmproxy("registry", "import-litellm", str(config))

    assert result.exit_code == 0
    assert "set it as ANTHROPIC_API_KEY" in result.stdout
    kept = b"".join(each.read_bytes() for each in (tmp_path / "data").rglob("*.*"))
    assert b"ANTHROPIC_API_KEY" in kept
    told = result.output.encode() + kept
    for planted in (b"sk-ant-planted", b"sk-planted", b"AKIAPLANTED", b"planted-aws-secret"):
        assert planted in config.read_bytes()
        assert planted not in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "stdin:1: "),
        ("model_list: 1", "stdin: a config of LiteLLM's is an object with a `model_list`"),
        ("a: 1\na: 2", "stdin:2: the key 'a' stands twice"),
    ],
)
def test_what_is_no_config(llmproxy: Run, text: str, message: str) -> None:
    """A sentence, and 1."""
    result = llmproxy("registry", "import-litellm", "-", stdin=text)

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_wrong_calls(llmproxy: Run) -> None:
    """A file that is not there ends with 1, options that exclude each other with 2."""
    both = ("--dry-run", "--write", "x")
    assert llmproxy("registry", "import-litellm", "missing.yaml").exit_code == 1
    assert llmproxy("registry", "import-litellm", str(CONFIG), *both).exit_code == 2
