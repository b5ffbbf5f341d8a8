"""The example documents of the original description, byte for byte, are read and accepted."""

from pathlib import Path

import pytest

from llmproxy.domain.document import Parsed, parse_model
from llmproxy.domain.operation import Operation
from llmproxy.infra.wire.jsonc import read_documents

FOLDER = Path(__file__).parents[2] / "recorded" / "original_documents"


def read(name: str) -> dict[str, Parsed]:
    """Read one file of recorded documents, by id."""
    found = [parse_model(value) for value, _ in read_documents((FOLDER / name).read_bytes())]
    return {parsed.model.id: parsed for parsed in found}


def test_nothing_recorded_is_left_out() -> None:
    """The tests below look at all files."""
    assert {path.name for path in FOLDER.iterdir()} == {
        "one_of_each_provider.jsonc",
        "per_1k_costs.jsonc",
        "smallest.jsonc",
    }


def test_costs_per_1m_and_per_1k() -> None:
    """The first block uses both spellings; the figures of the first look like per-1K prices."""
    found = read("one_of_each_provider.jsonc")
    nano = {
        name: parsed.model.price.input_nano_per_mtok
        for name, parsed in found.items()
        if parsed.model.price
    }

    assert nano == {
        "gpt-4-azure": 30_000_000,
        "deepseek-vertex": 14_000_000_000,
        "claude-vertex": 3_000_000_000,
    }
    assert found["gpt-4-azure"].model.code == "gpt-4"
    assert any("looks like a price per 1K" in text for text in found["gpt-4-azure"].warnings)
    assert found["deepseek-vertex"].warnings == ()
    assert [text.partition(";")[0] for text in found["claude-vertex"].warnings] == [
        "operations: GoogleVertexClaude makes no images"
    ]


def test_documents_without_a_code() -> None:
    """The second block names models by id only; one of them offers everything."""
    found = read("per_1k_costs.jsonc")

    assert list(found) == ["gpt-4-azure", "deepseek-vertex", "claude-vertex", "gpt-4-omni"]
    assert all(parsed.model.code == name for name, parsed in found.items())
    assert found["gpt-4-omni"].model.operations == set(Operation) - {Operation.MODERATIONS}
    assert found["gpt-4-omni"].warnings == ()
    assert found["gpt-4-azure"].model.projects == {"project1", "project2"}


def test_the_smallest_document() -> None:
    """It is accepted, with a word on everything that keeps it from being used."""
    (parsed,) = read("smallest.jsonc").values()

    assert parsed.model.parameters.secret_name == "AZURE_OPENAI_API_KEY"
    assert parsed.model.parameters.unresolved == ("endpoint",)
    assert [text.partition(":")[0] for text in parsed.warnings] == [
        "private",
        "operations",
        "parameters.endpoint",
        "costs",
    ]


@pytest.mark.parametrize("name", ["one_of_each_provider.jsonc", "per_1k_costs.jsonc"])
def test_google_documents(name: str) -> None:
    """Credentials are named, never held; project and location are there."""
    parameters = read(name)["deepseek-vertex"].model.parameters

    assert parameters.secret_name == "SP-BRIDGE-4852-DEV"
    assert (parameters.gcp_project, parameters.location) == ("meu-projeto-gcp", "us-central1")
    assert parameters.enable_tools is True
