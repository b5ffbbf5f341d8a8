"""One OpenAPI document for both planes.

The control plane's part is FastAPI's own; the data plane's endpoints, which FastAPI does not see,
are described in a file beside each of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI

DESCRIBED = Path(__file__).parent / "openai"
DATA_PLANE = {
    "/v1/chat/completions": DESCRIBED / "chat_completions.json",
    "/v1/completions": DESCRIBED / "completions.json",
    "/v1/embeddings": DESCRIBED / "embeddings.json",
    "/v1/moderations": DESCRIBED / "moderations.json",
    "/v1/responses": DESCRIBED / "responses.json",
    "/v1/responses/compact": DESCRIBED / "responses_compact.json",
    "/v1/responses/input_tokens": DESCRIBED / "responses_input_tokens.json",
    "/v1/images/generations": DESCRIBED / "images_generations.json",
    "/v1/images/edits": DESCRIBED / "images_edits.json",
    "/v1/images/variations": DESCRIBED / "images_variations.json",
    "/v1/audio/speech": DESCRIBED / "speech.json",
    "/v1/audio/transcriptions": DESCRIBED / "transcriptions.json",
    "/v1/audio/translations": DESCRIBED / "translations.json",
    "/v1/realtime/client_secrets": DESCRIBED / "client_secrets.json",
}
"""Path of an operation to its description: `path` is the path item, `schemas` what it uses."""
BY_ID = {
    "/v1/responses/{response_id}": DESCRIBED / "responses_by_id.json",
    "/v1/responses/{response_id}/cancel": DESCRIBED / "responses_cancel.json",
    "/v1/responses/{response_id}/input_items": DESCRIBED / "responses_input_items.json",
}
"""The same for paths with an id in them."""
SHARED = DESCRIBED / "shared_responses.json"
"""The `headers` of every answer of the data plane, and the `failures` that any of them can have."""

DESCRIPTION = (
    "An OpenAI-compatible gateway: point an official OpenAI SDK's `base_url` at `/v1` of this "
    "server. Every error, on every path, has OpenAI's envelope, and every answer carries "
    "`x-request-id`.\n\n**Keys.** Send one as `Authorization: Bearer KEY`, `api-key: KEY` or "
    "`x-api-key: KEY`. While no key was ever made, callers on the gateway's own machine need none."
)

SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "As the OpenAI SDKs send it.",
    },
    "api-key": {
        "type": "apiKey",
        "in": "header",
        "name": "api-key",
        "description": "As the Azure OpenAI SDKs send it.",
    },
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
ANY_KEY: list[dict[str, list[str]]] = [{name: []} for name in SCHEMES]
NO_KEY: list[dict[str, list[str]]] = [{}]
KEY_NEEDS = {
    "/health": NO_KEY,
    "/health/live": NO_KEY,
    "/health/ready": NO_KEY + ANY_KEY,
}
"""Who may call; every other path needs a key."""

ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "OpenAI's error envelope; a provider's refusal may add keys inside of `error`.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What is wrong and what to do next."},
                "type": {"type": "string", "examples": ["invalid_request_error"]},
                "param": {"type": ["string", "null"], "description": "The field at fault."},
                "code": {"type": ["string", "null"], "description": "A word to switch on."},
            },
        }
    },
}
REQUEST_ID: dict[str, Any] = {
    "description": "This gateway's id of the request, also in its access log and journal.",
    "schema": {"type": "string", "examples": ["req_0f3a9c51d2e84b7786a1c0de"]},
}
KEY_ERRORS = {"401": "`invalid_api_key`: no key, or one that is unknown, revoked or expired."}
MODEL_ERRORS = KEY_ERRORS | {
    "404": "`model_not_found`: no such model, or not for this key. The words do not tell which."
}
ERRORS = {
    "/v1/models": KEY_ERRORS,
    "/v1/models/{model}": MODEL_ERRORS,
    "/metrics": KEY_ERRORS,
    "/health/ready": {"503": "Still starting: send no traffic yet."},
}
"""What the control plane's paths also answer; FastAPI does not know it."""

TAGS = [
    {"name": "chat", "description": "The data plane: OpenAI's operations."},
    {"name": "responses", "description": "Responses: made, streamed, and asked for by their ids."},
    {"name": "embeddings", "description": "Vectors for texts."},
    {"name": "moderations", "description": "Verdicts on texts and images."},
    {"name": "images", "description": "New images."},
    {"name": "audio", "description": "Speech from text and text from speech."},
    {"name": "realtime", "description": "Sessions over WebSocket."},
    {"name": "models", "description": "What the key may use."},
    {"name": "health", "description": "For people, and for what watches the process."},
    {"name": "operations", "description": "For operators."},
    {"name": "administration", "description": "Models, keys and projects; admin keys only."},
]
METHODS = frozenset(("get", "put", "post", "delete", "patch"))
OF_FASTAPI = "Validation Error"
"""What FastAPI says of its own 422, which this server never answers."""


def api_document(app: FastAPI) -> dict[str, Any]:
    """Return the document as JSON values. Costs some 20 ms: call it once."""
    document = app.openapi()
    document["info"]["description"] = DESCRIPTION
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)  # FastAPI's own form of a 422, which this server never answers
    schemas["Error"] = ENVELOPE
    components["headers"] = {"RequestId": REQUEST_ID}
    components["securitySchemes"] = SCHEMES
    described = {
        path: msgspec.json.decode(file.read_bytes()) for path, file in (DATA_PLANE | BY_ID).items()
    }
    shared = msgspec.json.decode(SHARED.read_bytes())
    for each in described.values():
        schemas |= each["schemas"]
        _share(each["path"], shared)
    paths = {path: each["path"] for path, each in described.items()} | document["paths"]
    document["paths"] = paths
    document["tags"] = TAGS
    for path, method, operation in _operations(paths):
        operation["security"] = KEY_NEEDS.get(path, ANY_KEY)
        _complete_responses(path, operation["responses"])
        operation.setdefault("operationId", f"{method} {path}")
    return document


def _operations(paths: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in paths.items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _share(item: dict[str, Any], shared: dict[str, Any]) -> None:
    """Give an operation of the data plane what all of them answer; what it says itself counts."""
    for method in METHODS & item.keys():
        responses = item[method]["responses"]
        responses["200"]["headers"] = shared["headers"] | responses["200"].get("headers", {})
        for status, failure in shared["failures"].items():
            responses.setdefault(status, dict(failure))


def _complete_responses(path: str, responses: dict[str, Any]) -> None:
    """Give every failure the envelope."""
    if responses.get("422", {}).get("description") == OF_FASTAPI:
        del responses["422"]
    responses |= {
        status: {"description": text}
        for status, text in ERRORS.get(path, {}).items()
        if status not in responses
    }
    envelope = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for status, response in responses.items():
        if status >= "400" and path != "/health/ready":
            response["content"] = envelope
