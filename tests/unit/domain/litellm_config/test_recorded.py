"""Whole configs with the documents and the report that they become."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.litellm_config.conversion import Conversion, convert
from llmproxy.domain.secret_reference import looks_literal
from llmproxy.infra.wire.yaml_text import read_yaml

RECORDED = Path(__file__).parents[3] / "recorded" / "litellm_config"
NAMES = sorted(path.stem for path in RECORDED.glob("*.yaml"))


def converted(name: str) -> Conversion:
    """Read one of the recorded configs."""
    return convert(read_yaml((RECORDED / f"{name}.yaml").read_bytes()))


def texts(value: object) -> list[str]:
    """Give every text in a value."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_there_are_configs() -> None:
    """The folder is found, and holds what the migration guide speaks of."""
    assert NAMES == ["literal_secrets", "load_balanced", "many_providers"]


@pytest.mark.parametrize("name", NAMES)
def test_documents_and_report(name: str) -> None:
    """Both are as recorded, to the word."""
    expected = json.loads((RECORDED / f"{name}.expected.json").read_text("utf-8"))
    found = converted(name)

    assert found.documents == expected["documents"]
    assert [remark._asdict() for remark in found.remarks] == expected["report"]


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_good_ones(name: str) -> None:
    """Each is taken by the registry, ids are unique, and secrets are names only."""
    documents = converted(name).documents

    for document in documents:
        parse_model(document)
        parameters: Any = document["parameters"]
        secrets = [parameters[each] for each in parameters if each.endswith("secret_name")]
        assert not any(map(looks_literal, secrets))
    assert len({str(document["id"]) for document in documents}) == len(documents)


def test_no_secret_is_imported_or_told() -> None:
    """What stands in the config itself is in no document and in no remark."""
    source = (RECORDED / "literal_secrets.yaml").read_text("utf-8")
    found = converted("literal_secrets")
    planted = [
        text
        for text in texts(read_yaml(source.encode()))
        if "planted" in text.lower() and "path" not in text
    ]

    assert len(planted) == 8
    told = texts([found.documents, [remark._asdict() for remark in found.remarks]])
    assert not [text for text in told for secret in planted if secret in text]


TAKEN = {"model", "api_key", "api_base", "litellm_credential_name", "drop_params"}
TAKEN |= {"vertex_project", "vertex_location", "tenant_id", "client_id", "client_secret"}
TAKEN |= {"aws_access_key_id", "aws_secret_access_key"}
"""What stands in a document under another name."""


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_accounted_for(name: str) -> None:
    """A parameter of a deployment is in its document, or a remark names it."""
    config: Any = read_yaml((RECORDED / f"{name}.yaml").read_bytes())
    for entry in config["model_list"]:
        found = convert(config | {"model_list": [entry], "router_settings": {}})
        if not found.documents:
            assert any("not imported" in remark.message for remark in found.remarks)
            continue
        parameters: Any = found.documents[0]["parameters"]
        told = {remark.place.rpartition(".")[2] for remark in found.remarks}
        prices = {field for field in entry["litellm_params"] if "cost" in field}
        fields = entry["litellm_params"].keys() - TAKEN - prices
        assert fields <= told | parameters.keys()
