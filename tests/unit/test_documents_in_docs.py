"""What the docs say of model documents is what the reader of documents does."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.domain.document import Parsed, parse_model
from llmproxy.domain.identity import DEFAULT_SCOPE, IDENTITY_FIELDS, Auth
from llmproxy.domain.operation import Operation
from llmproxy.domain.parameters import ALIASES
from llmproxy.domain.price_fields import COST_FIELDS
from llmproxy.domain.vendor import VENDORS
from llmproxy.infra.wire.jsonc import read_documents

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/model-documents.md").read_text("utf-8")
TYPES_PAGE = (ROOT / "docs/model-types.md").read_text("utf-8")
CREDENTIALS = (ROOT / "docs/credentials.md").read_text("utf-8")
BLOCK = re.compile(r"^```jsonc?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {"CUSTOM_API_ENDPOINT": "https://api.customprovider.example/v1"}
TYPES = [(name, vendor.name) for vendor in VENDORS for name in vendor.model_types]
FIELDS = {
    "id", "code", "name", "provider", "model_type", "parameters", "costs", "free", "operations",
    "private", "projects",
}  # fmt: skip
PARAMETERS = {
    "secret_name", "endpoint", "model", "deployment_name", "api_version", "gcp_project",
    "location", "enable_tools", "drop_unsupported", "timeout", "max_output_tokens", "temperature",
    "top_p", "frequency_penalty", "presence_penalty", "max_tokens",
}  # fmt: skip
OF_SOME = {
    "base_model", "anthropic_beta", "litellm_model", "api", "voice", "voices", "language_code",
    "quota_project",
}  # fmt: skip
"""Parameters that one kind of adapter reads, out of `Parameters.extra`."""


def examples() -> list[Mapping[str, object]]:
    """Every document of the pages."""
    blocks = [*BLOCK.findall(TYPES_PAGE), *BLOCK.findall(CREDENTIALS)]
    found = [located.value for text in blocks for located in read_documents(text)]
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
    if parsed.model.model_type != "LiteLLM":
        assert set(parsed.model.parameters.extra) <= OF_SOME
    assert set(document) <= FIELDS


def test_ids_are_told_apart() -> None:
    """All examples can be imported together."""
    ids = [str(each["id"]) for each in examples()]
    assert sorted(ids) == sorted(set(ids))


def test_every_kind_has_an_example() -> None:
    """A reader finds a document to copy for each kind."""
    shown = {str(each["model_type"]) for each in examples()}
    assert shown == {name for name, _ in TYPES}


@pytest.mark.parametrize(("model_type", "provider"), TYPES)
def test_every_kind_is_in_the_table(model_type: str, provider: str) -> None:
    """The table says of each kind whose it is, and that it is called."""
    rows = [line for line in section("Fields").splitlines() if line.startswith("| `")]
    row = next(line for line in rows if f"`{model_type}`" in line.split("|")[1])
    assert f"`{provider}`" in row.split("|")[2]
    assert "| served |" in row


def test_every_field_is_explained() -> None:
    """Each field that is read stands in a table, under its aliases too."""
    top, parameters = section("Fields"), section("`parameters`")
    assert {name for name in FIELDS if f"| `{name}` |" not in top} == set()
    aliased = {*PARAMETERS, *OF_SOME, *IDENTITY_FIELDS, *ALIASES, *ALIASES.values()}
    assert {name for name in aliased if f"`{name}`" not in parameters} == set()
    costs = section("`costs`")
    assert {name for name in COST_FIELDS if f"`{name}`" not in costs} == set()
    assert {name.value for name in Operation if f"`{name.value}`" not in top} == set()


def test_identities_are_explained() -> None:
    """Each field of an identity, and each way to show one."""
    section_of_it = CREDENTIALS.partition("## Entra ID\n")[2].partition("\n## ")[0]
    words = {*IDENTITY_FIELDS, *Auth, DEFAULT_SCOPE}
    assert {word for word in words if f"`{word}`" not in section_of_it} == set()


def test_no_explained_parameter_is_unknown() -> None:
    """A parameter that the page explains has a meaning: none of them is merely kept."""
    document = dict(examples()[0])
    flags = {"enable_tools": True, "drop_unsupported": False}
    values: dict[str, object] = {**flags, "api_version": "2024-10-21"}
    numbers = dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty"), 1)
    whole = dict.fromkeys(("max_tokens", "max_output_tokens", "timeout"), 5)
    texts = dict.fromkeys(("model", "deployment_name", "gcp_project", "location"), "here")
    places = {"secret_name": "A_NAME", "endpoint": "https://x.example/"}
    document["parameters"] = values | numbers | whole | texts | places
    assert set(document["parameters"]) == PARAMETERS
    assert parse_model(document).model.parameters.extra == {}
