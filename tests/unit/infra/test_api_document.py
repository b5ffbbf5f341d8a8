"""The OpenAPI document says what the gateway does."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.api_docs import api_docs_routes
from llmproxy.infra.controllers.api_document import ANY_KEY, DATA_PLANE, api_document
from llmproxy.infra.controllers.errors import CRASH, TABLE
from llmproxy.infra.controllers.openai import (
    chat_request,
    completion_request,
    embeddings_request,
    image_request,
    moderation_request,
    responses_request,
)
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import Check
from llmproxy.infra.controllers.openai.operations import JSON_ROWS


class Described(NamedTuple):
    """A schema, the checks it describes, fields with checks of their own, and a good request."""

    read: Callable[[bytes], Asked]
    checks: Mapping[str, Check]
    apart: set[str]
    good: Mapping[str, object]


DESCRIBED = {
    "ChatCompletionRequest": Described(
        chat_request.chat_request,
        chat_request.CHECKS,
        {"messages", "stream_options"},
        {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]},
    ),
    "CompletionRequest": Described(
        completion_request.completion_request,
        completion_request.CHECKS,
        {"prompt", "stream_options"},
        {"model": "echo", "prompt": "Hi"},
    ),
    "EmbeddingRequest": Described(
        embeddings_request.embeddings_request,
        embeddings_request.CHECKS,
        {"input"},
        {"model": "echo", "input": "Hi"},
    ),
    "ModerationRequest": Described(
        moderation_request.moderation_request,
        moderation_request.CHECKS,
        {"input"},
        {"input": "Hi"},
    ),
    "ResponseRequest": Described(
        responses_request.response_request,
        responses_request.CHECKS,
        {"input", "prompt", "conversation"},
        {"model": "echo", "input": "Hi", "previous_response_id": "resp_1"},
    ),
    "CompactRequest": Described(
        responses_request.compact_request,
        responses_request.SHARED,
        {"input", "conversation"},
        {"model": "echo", "input": "Hi"},
    ),
    "InputTokensRequest": Described(
        responses_request.input_tokens_request,
        responses_request.SHARED,
        {"input", "conversation"},
        {"input": "Hi"},
    ),
    "ImageRequest": Described(
        image_request.image_request, image_request.CHECKS, set(), {"prompt": "Hi"}
    ),
}
WRONG_OF_TYPE: dict[str, Any] = {
    "string": 1,
    "boolean": "yes",
    "number": "1",
    "integer": 1.5,
    "array": {},
    "object": [],
    "null": "any",
}


def document() -> dict[str, Any]:
    """The document of a control plane without routes of its own."""
    app = FastAPI(title="LLM Proxy", version="0")
    app.include_router(api_docs_routes())
    return api_document(app)


SCHEMAS: dict[str, Any] = document()["components"]["schemas"]
FIELDS = sorted((name, field) for name in DESCRIBED for field in SCHEMAS[name]["properties"])
BOUNDED = [
    (name, field, side, SCHEMAS[name]["properties"][field][side])
    for name, field in FIELDS
    for side in ("minimum", "maximum")
    if side in SCHEMAS[name]["properties"][field]
]


def checked(name: str, **fields: Any) -> None:  # noqa: ANN401
    """Check a request that is good but for these fields. Raises InvalidRequest."""
    described = DESCRIBED[name]
    described.read(json.dumps({**described.good, **fields}).encode())


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_the_schema_lists_what_is_checked(name: str) -> None:
    """Every field that the gateway reads is in the schema, and no other."""
    described = DESCRIBED[name]
    assert set(SCHEMAS[name]["properties"]) == set(described.checks) | described.apart


@pytest.mark.parametrize(("name", "field", "side", "bound"), BOUNDED)
def test_a_bound_is_the_gateways_own(name: str, field: str, side: str, bound: int) -> None:
    """The bound itself passes, one step beyond it is refused."""
    checked(name, **{field: bound})
    with pytest.raises(InvalidRequest) as refused:
        checked(name, **{field: bound + (1 if side == "maximum" else -1)})
    assert refused.value.param == field


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_type_is_the_gateways_own(name: str, field: str) -> None:
    """A value of another type is refused by name; null passes where the schema says so."""
    types = SCHEMAS[name]["properties"][field]["type"]
    types = [types] if isinstance(types, str) else types
    with pytest.raises(InvalidRequest) as refused:
        checked(name, **{field: WRONG_OF_TYPE[types[0]]})
    assert refused.value.param == field
    if "null" in types:
        checked(name, **{field: None})


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_an_unchecked_field_passes(name: str) -> None:
    """The schema allows further fields, and so does the gateway."""
    checked(name, tools=7, no_such_field={"a": [1]})
    assert SCHEMAS[name]["additionalProperties"] is True


def test_every_operation_is_described() -> None:
    """Every row of the data plane is in the document."""
    assert {f"/v1/{row.endpoint}" for row in JSON_ROWS} <= set(DATA_PLANE)


def test_every_status_of_the_table_is_described() -> None:
    """A status that the gateway can answer on the data plane is in the document."""
    paths = document()["paths"]
    possible = {str(row.status) for row in (*TABLE.values(), CRASH)}
    never = {"412", "501"}  # of administration; of paths that are left out
    for path in DATA_PLANE:
        assert set(paths[path]["post"]["responses"]) == (possible - never) | {"200"}


def test_every_failure_has_the_envelope_and_every_operation_says_who_may_call() -> None:
    """No failure is described in another form than OpenAI's."""
    paths = document()["paths"]
    assert set(DATA_PLANE) <= set(paths)
    for item in paths.values():
        for operation in item.values():
            assert operation["security"] == ANY_KEY
            failures = {s: r for s, r in operation["responses"].items() if s >= "400"}
            for response in failures.values():
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_every_reference_leads_somewhere() -> None:
    """A `$ref` names a component that is there."""
    whole = document()
    text = json.dumps(whole)
    references = {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references
    for reference in references:
        place: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
