"""The OpenAPI document says what the gateway does."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.api_docs import api_docs_routes
from llmproxy.infra.controllers.api_document import ANY_KEY, DATA_PLANE, api_document
from llmproxy.infra.controllers.errors import CRASH, TABLE
from llmproxy.infra.controllers.openai.chat_request import CHECKS, chat_request

CHECKED_APART = {"messages", "stream_options"}
WRONG_OF_TYPE: dict[str, Any] = {
    "string": 1,
    "boolean": "yes",
    "number": "1",
    "integer": 1.5,
    "array": {},
    "object": [],
}


def document() -> dict[str, Any]:
    """The document of a control plane without routes of its own."""
    app = FastAPI(title="LLM Proxy", version="0")
    app.include_router(api_docs_routes())
    return api_document(app)


PROPERTIES: dict[str, Any] = document()["components"]["schemas"]["ChatCompletionRequest"][
    "properties"
]
BOUNDED = sorted(
    (name, side, schema[side])
    for name, schema in PROPERTIES.items()
    for side in ("minimum", "maximum")
    if side in schema
)


def checked(**fields: Any) -> None:  # noqa: ANN401
    """Check a request that is good but for these fields. Raises InvalidRequest."""
    good = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}
    chat_request(json.dumps(good | fields).encode())


def test_the_schema_lists_what_is_checked() -> None:
    """Every field that the gateway reads is in the schema, and no other."""
    assert set(PROPERTIES) == set(CHECKS) | CHECKED_APART


@pytest.mark.parametrize(("name", "side", "bound"), BOUNDED)
def test_a_bound_is_the_gateways_own(name: str, side: str, bound: int) -> None:
    """The bound itself passes, one step beyond it is refused."""
    checked(**{name: bound})
    with pytest.raises(InvalidRequest) as refused:
        checked(**{name: bound + (1 if side == "maximum" else -1)})
    assert refused.value.param == name


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_a_type_is_the_gateways_own(name: str) -> None:
    """A value of another type is refused by name; null passes where the schema says so."""
    types = PROPERTIES[name]["type"]
    types = [types] if isinstance(types, str) else types
    with pytest.raises(InvalidRequest) as refused:
        checked(**{name: WRONG_OF_TYPE[types[0]]})
    assert refused.value.param == name
    if "null" in types:
        checked(**{name: None})


def test_an_unchecked_field_passes() -> None:
    """The schema allows further fields, and so does the gateway."""
    checked(tools=7, no_such_field={"a": [1]})
    schema = document()["components"]["schemas"]["ChatCompletionRequest"]
    assert schema["additionalProperties"] is True


def test_every_status_of_the_table_is_described() -> None:
    """A status that the gateway can answer on the data plane is in the document."""
    described = set(document()["paths"]["/v1/chat/completions"]["post"]["responses"])
    possible = {str(row.status) for row in (*TABLE.values(), CRASH)}
    never = {"403"}  # `Forbidden` waits for limits per key; nothing raises it yet
    assert described == (possible - never) | {"200"}


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
