"""The server keeps to its own OpenAPI document, whatever Schemathesis makes of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.documents import document
from tests.api.gateway import Gateway, serving

EXAMPLES = 25
"""Per operation, in the same order in every run: enough for each field to be wrong once."""
OPERATIONS = ["ChatCompletion", "Responses", "embeddings", "images", "moderations"]
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module", name="echo_server")
def _echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    echo = document("echo", "Local", "Echo") | {"operations": OPERATIONS}
    with serving(tmp_path_factory.mktemp("described"), [echo]) as gateway:
        yield gateway


def _operations(gateway: Gateway) -> Iterator[APIOperation]:
    """What the document describes; requests name a model that is there."""
    _, text = gateway.get("/openapi.json")
    whole: dict[str, Any] = json.loads(text)
    for schema in whole["components"]["schemas"].values():
        model = schema.get("properties", {}).get("model")
        if isinstance(model, dict) and model.get("type") == "string":
            model["enum"] = ["echo"]
    for text in _all(whole, "text/event-stream"):
        # A string in OpenAPI 3.1 is the whole body; Schemathesis takes it for that of one event.
        text.pop("schema")
    for found in schemathesis.openapi.from_dict(whole).get_all_operations():
        yield found.ok()


def _all(value: object, name: str) -> Iterator[dict[str, Any]]:
    """Every object that stands under this name."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == name:
                yield each
            yield from _all(each, name)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_described(echo_server: Gateway, mode: GenerationMode) -> None:
    """Every status, content type, header and body is one that the document names; none is a 5xx.

    Asked with requests that fit the document, and with such that do not.
    """
    asked = 0
    for operation in _operations(echo_server):
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # any path and any query fit
        seen = _asked(operation, mode, echo_server)
        assert seen, operation.label
        asked += seen
    echo_server.check()
    assert asked > 100


def _asked(operation: APIOperation, mode: GenerationMode, gateway: Gateway) -> int:
    """Ask one operation and return how often."""
    count = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(base_url=gateway.url, checks=CHECKS)

    ask()
    return count
