"""What the docs say of model documents is what the reader of documents does."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.domain.document import Parsed, parse_model
from llmproxy.domain.operation import Operation
from llmproxy.domain.parameters import ALIASES
from llmproxy.domain.pricing import COST_FIELDS
from llmproxy.domain.vendor import VENDORS
from llmproxy.infra.providers.openai_wire.endpoints import ROWS
from llmproxy.infra.wire.jsonc import read_documents

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/model-documents.md").read_text("utf-8")
BLOCK = re.compile(r"^```jsonc?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {"CUSTOM_API_ENDPOINT": "https://api.customprovider.example/v1"}
TYPES = [(name, vendor.name) for vendor in VENDORS for name in vendor.model_types]
FIELDS = {
    "id", "code", "name", "provider", "model_type", "parameters", "costs", "free", "operations",
    "private", "projects",
}  # fmt: skip
PARAMETERS = {
    "secret_name", "endpoint", "model", "deployment_name", "api_version", "gcp_project",
    "location", "enable_tools", "timeout", "max_output_tokens", "temperature", "top_p",
    "frequency_penalty", "presence_penalty", "max_tokens",
}  # fmt: skip


def examples() -> list[Mapping[str, object]]:
    """Every document of the page."""
    found = [located.value for text in BLOCK.findall(PAGE) for located in read_documents(text)]
    return [each for each in found if isinstance(each, Mapping)]


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("document", examples(), ids=lambda document: str(document["id"]))
def test_an_example_is_a_good_document(document: Mapping[str, object]) -> None:
    """It is read without a warning, it has a price or is free, and its fields are all explained."""
    parsed: Parsed = parse_model(document, environment=ENVIRONMENT)
    assert parsed.warnings == ()
    assert parsed.model.price is not None
    assert parsed.model.parameters.extra == {}
    assert set(document) <= FIELDS


def test_every_served_kind_has_an_example() -> None:
    """A reader finds a document to copy for each kind that is called now."""
    shown = {str(each["model_type"]) for each in examples()}
    assert shown >= {*ROWS, "Echo"}


@pytest.mark.parametrize(("model_type", "provider"), TYPES)
def test_every_kind_is_in_the_table(model_type: str, provider: str) -> None:
    """The table says of each kind whose it is and whether it is called now."""
    rows = [line for line in section("Fields").splitlines() if line.startswith("| `")]
    row = next(line for line in rows if f"`{model_type}`" in line.split("|")[1])
    assert f"`{provider}`" in row.split("|")[2]
    assert ("| served |" in row) == (model_type in {*ROWS, "Echo"})


def test_every_field_is_explained() -> None:
    """Each field that is read stands in a table, under its aliases too."""
    top, parameters = section("Fields"), section("`parameters`")
    assert {name for name in FIELDS if f"| `{name}` |" not in top} == set()
    aliased = {*PARAMETERS, *ALIASES, *ALIASES.values()}
    assert {name for name in aliased if f"`{name}`" not in parameters} == set()
    costs = section("`costs`")
    assert {name for name in COST_FIELDS if f"`{name}`" not in costs} == set()
    assert {name.value for name in Operation if f"`{name.value}`" not in top} == set()


def test_no_explained_parameter_is_unknown() -> None:
    """A parameter that the page explains has a meaning: none of them is merely kept."""
    document = dict(examples()[0])
    values: dict[str, object] = {"enable_tools": True, "api_version": "2024-10-21"}
    numbers = dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty"), 1)
    whole = dict.fromkeys(("max_tokens", "max_output_tokens", "timeout"), 5)
    texts = dict.fromkeys(("model", "deployment_name", "gcp_project", "location"), "here")
    places = {"secret_name": "A_NAME", "endpoint": "https://x.example/"}
    document["parameters"] = values | numbers | whole | texts | places
    assert set(document["parameters"]) == PARAMETERS
    assert parse_model(document).model.parameters.extra == {}
