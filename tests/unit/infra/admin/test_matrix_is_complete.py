"""The access matrix of tests/api has a row for every route, wherever it is described."""

from fastapi.routing import APIRoute

from llmproxy.infra.controllers.api_docs import api_docs_routes
from llmproxy.infra.controllers.api_document import BY_ID, DATA_PLANE
from llmproxy.infra.controllers.openai.operations import JSON_ROWS, REALTIME_PATHS, UPLOAD_ROWS
from tests.api.admin.rows import ROUTES

ROWS = {(row.method, row.path) for row in ROUTES}


def test_the_data_plane() -> None:
    """Its tables of operations and sockets, and the paths with an id."""
    paths = {f"/v1/{row.endpoint}" for row in (*JSON_ROWS, *UPLOAD_ROWS)} | set(DATA_PLANE)
    expected = {("POST", path) for path in paths} | {("GET", path) for path in REALTIME_PATHS}
    assert expected <= ROWS
    assert set(BY_ID) <= {path for _, path in ROWS}


def test_pages_that_no_document_describes() -> None:
    """Of the gateway's own docs."""
    routes = [route for route in api_docs_routes().routes if isinstance(route, APIRoute)]
    assert {(method, route.path) for route in routes for method in route.methods or ()} <= ROWS
    assert len(routes) == 4


def test_no_route_stands_twice() -> None:
    """Otherwise one of the rows would prove nothing."""
    assert len(ROWS) == len(ROUTES)
