"""The access matrix: what every route answers to every kind of key.

The columns are COLUMNS. `hidden` is a model that is private to the project `alpha`; the response of
a row was made by a key of `alpha` too.
"""

from typing import NamedTuple

Outcome = tuple[int, str | None]
"""The status, and the code of the error, None for an answer that is none."""

COLUMNS = ("none", "wrong", "expired", "revoked", "other_project", "project", "admin")
NO_KEY: tuple[Outcome, ...] = ((401, "invalid_api_key"),) * 4
OK: Outcome = (200, None)
NO_MODEL: Outcome = (404, "model_not_found")
NO_RESPONSE: Outcome = (404, None)
NOT_ADMIN: Outcome = (403, "admin_key_required")
NOT_OFFERED: Outcome = (400, "operation_not_supported")
"""The key may use the model; the model is not for this."""
UNKNOWN: Outcome = (404, "not_found")


class Row(NamedTuple):
    """One route. `path` is the one of the OpenAPI document where it stands there."""

    method: str
    path: str
    outcomes: tuple[Outcome, ...]
    body: object = None
    kind: str = "json"
    """How the body goes: `json`, `form`, or `socket` for a request to change to a WebSocket."""


def _public(method: str, path: str, outcome: Outcome = OK) -> Row:
    return Row(method, path, (outcome,) * len(COLUMNS))


def _keyed(method: str, path: str, outcome: Outcome = OK) -> Row:
    return Row(method, path, (*NO_KEY, *(outcome,) * 3))


def _private(
    path: str, project: Outcome, body: object, kind: str = "json", method: str = "POST"
) -> Row:
    """Ask for the private model: for any other project, and an admin without one, it is not."""
    return Row(method, path, (*NO_KEY, NO_MODEL, project, NO_MODEL), body, kind)


def _own(method: str, path: str, project: Outcome) -> Row:
    """Ask for a response by its id: for anybody but its project it is not."""
    return Row(method, path, (*NO_KEY, NO_RESPONSE, project, NO_RESPONSE))


def _admins(method: str, path: str, admin: Outcome, body: object = None) -> Row:
    return Row(method, path, (*NO_KEY, NOT_ADMIN, NOT_ADMIN, admin), body)


_HELLO = [{"role": "user", "content": "Hello!"}]
_FORM = {"model": "hidden", "prompt": "a cat", "file": b"RIFF", "image": b"\x89PNG"}

DATA_PLANE = (
    _private("/v1/chat/completions", OK, {"model": "hidden", "messages": _HELLO}),
    _private("/v1/completions", OK, {"model": "hidden", "prompt": "Hello"}),
    _private("/v1/embeddings", NOT_OFFERED, {"model": "hidden", "input": "x"}),
    _private("/v1/moderations", NOT_OFFERED, {"model": "hidden", "input": "x"}),
    _private("/v1/responses", OK, {"model": "hidden", "input": "x"}),
    _private("/v1/responses/compact", OK, {"model": "hidden", "input": "x"}),
    _private("/v1/responses/input_tokens", OK, {"model": "hidden", "input": "x"}),
    _private("/v1/images/generations", NOT_OFFERED, {"model": "hidden", "prompt": "x"}),
    _private("/v1/images/edits", NOT_OFFERED, _FORM, "form"),
    _private("/v1/images/variations", NOT_OFFERED, _FORM, "form"),
    _private("/v1/audio/speech", NOT_OFFERED, {"model": "hidden", "input": "x", "voice": "alloy"}),
    _private("/v1/audio/transcriptions", NOT_OFFERED, _FORM, "form"),
    _private("/v1/audio/translations", NOT_OFFERED, _FORM, "form"),
    _private(
        "/v1/realtime/client_secrets",
        NOT_OFFERED,
        {"session": {"type": "realtime", "model": "hidden"}},
    ),
    _private("/v1/realtime", NOT_OFFERED, None, "socket", "GET"),
    _private("/v1/audio/realtime", NOT_OFFERED, None, "socket", "GET"),
    _own("GET", "/v1/responses/{response_id}", OK),
    _own("GET", "/v1/responses/{response_id}/input_items", OK),
    _own("POST", "/v1/responses/{response_id}/cancel", (400, None)),
    _own("DELETE", "/v1/responses/{response_id}", OK),
)
CONTROL_PLANE = (
    _keyed("GET", "/v1/models"),
    Row("GET", "/v1/models/{model}", (*NO_KEY, NO_MODEL, OK, NO_MODEL)),
    _keyed("GET", "/v1/usage"),
    _admins("GET", "/metrics", OK),
    _public("GET", "/"),
    _public("GET", "/health"),
    _public("GET", "/health/live"),
    _public("GET", "/health/ready"),
    _public("GET", "/docs"),
    _public("GET", "/docs/{name}"),
    _public("GET", "/openapi.json"),
)
ADMINISTRATION = (
    _admins("GET", "/admin/models", OK),
    _admins("POST", "/admin/models", (400, "invalid_document"), {}),
    _admins("POST", "/admin/models/import", (400, "invalid_value"), {}),
    _admins("GET", "/admin/models/{model_id}", UNKNOWN),
    _admins("PUT", "/admin/models/{model_id}", (400, "invalid_value"), {}),
    _admins("PATCH", "/admin/models/{model_id}", UNKNOWN, {}),
    _admins("DELETE", "/admin/models/{model_id}", UNKNOWN),
    _admins("GET", "/admin/providers", OK),
    _admins("GET", "/admin/keys", OK),
    _admins("POST", "/admin/keys", (400, "invalid_value"), {}),
    _admins("GET", "/admin/keys/{key_id}", UNKNOWN),
    _admins("PATCH", "/admin/keys/{key_id}", UNKNOWN, {}),
    _admins("POST", "/admin/keys/{key_id}/rotate", UNKNOWN, {}),
    _admins("DELETE", "/admin/keys/{key_id}", UNKNOWN),
    _admins("GET", "/admin/projects", OK),
    _admins("GET", "/admin/projects/{project_id}", UNKNOWN),
    _admins("PUT", "/admin/projects/{project_id}", (400, "unknown_parameter"), {"x": 1}),
    _admins("PATCH", "/admin/projects/{project_id}", (400, "unknown_parameter"), {"x": 1}),
    _admins("DELETE", "/admin/projects/{project_id}", UNKNOWN),
    _admins("GET", "/admin/usage", OK),
    _admins("GET", "/admin/usage/calls", OK),
    _admins("GET", "/admin/routing", OK),
    _admins("POST", "/admin/explain", (400, "missing_required_parameter"), {}),
)
BESIDE = (
    _public("GET", "/nowhere", (404, "unknown_url")),
    _public("GET", "/v1/nowhere", (404, "unknown_url")),
    _public("GET", "/v1/files", (501, "unsupported_endpoint")),
    _public("GET", "/v1/embeddings", (405, "method_not_supported")),
    _admins("GET", "/admin", (404, "unknown_url")),
    _admins("GET", "/admin/nowhere", (404, "unknown_url")),
    _admins("DELETE", "/admin/models", (405, "method_not_supported")),
    _admins("GET", "/admin/explain", (405, "method_not_supported")),
)
"""Where no route is."""

ROUTES = (*DATA_PLANE, *CONTROL_PLANE, *ADMINISTRATION)
ROWS = (*ROUTES, *BESIDE)
EXAMPLES = {
    "model": "hidden",
    "model_id": "nobody",
    "key_id": "key_0",
    "project_id": "nobody",
    "name": "docs.js",
}
"""What stands for the names in paths."""
