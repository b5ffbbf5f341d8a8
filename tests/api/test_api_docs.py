"""The pages of the API: they work in a real browser, offline."""

import json
import urllib.request
from pathlib import Path

from tests.api.browser import look
from tests.api.gateway import Gateway


def test_the_docs_show_the_operations_and_ask_no_other_host(
    gateway: Gateway, tmp_path: Path
) -> None:
    """Chromium renders every operation of both planes from this server alone."""
    seen = look(f"{gateway.url}/docs", tmp_path)

    for operation in ("/v1/chat/completions", "/v1/models", "/health/ready", "/metrics"):
        assert f'data-path="{operation}"' in seen.html
    assert "Create a chat completion, in one piece or streamed" in seen.html
    assert "Failed to load" not in seen.html
    assert f"{gateway.url}/openapi.json" in seen.requests
    assert seen.hosts == {gateway.url.removeprefix("http://")}


def test_one_document_describes_both_planes(gateway: Gateway) -> None:
    """`/openapi.json` has the data plane, the control plane, and three ways to send a key."""
    status, body = gateway.get("/openapi.json")
    document = json.loads(body)

    assert status == 200
    assert document["openapi"].startswith("3.1")
    assert {"/v1/chat/completions", "/v1/models", "/v1/models/{model}", "/health"} <= set(
        document["paths"]
    )
    assert set(document["components"]["securitySchemes"]) == {"bearer", "api-key", "x-api-key"}
    assert "422" not in document["paths"]["/v1/models/{model}"]["get"]["responses"]
    assert document["paths"]["/health"]["get"]["security"] == [{}]


def test_every_asset_is_served_by_its_type(gateway: Gateway) -> None:
    """What the page names is there, with the type a browser insists on."""
    types = {
        "docs": "text/html; charset=utf-8",
        "docs/docs.js": "text/javascript; charset=utf-8",
        "docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
        "docs/swagger-ui.css": "text/css; charset=utf-8",
        "docs/favicon-32x32.png": "image/png",
    }
    for path, kind in types.items():
        with urllib.request.urlopen(f"{gateway.url}/{path}", timeout=5) as answer:  # noqa: S310
            assert answer.headers["content-type"] == kind
            assert answer.read()


def test_only_the_files_of_the_page_are_served(gateway: Gateway) -> None:
    """No other file can be reached below the page, whatever the path."""
    for path in (
        "/docs/docs.html",
        "/docs/swagger_ui/NOTICE",
        "/docs/..%2fapi_docs.py",
        "/docs/%2e%2e/api_docs.py",
        "/docs/../api_docs.py",
        "/docs/",
    ):
        status, body = gateway.get(path)
        assert status == 404, path
        assert json.loads(body)["error"]["code"] == "unknown_url"


def test_the_root_leads_a_browser_to_the_docs(gateway: Gateway, tmp_path: Path) -> None:
    """Who types the bare address sees the docs."""
    assert 'data-path="/v1/chat/completions"' in look(f"{gateway.url}/", tmp_path).html


def test_the_root_tells_a_program_where_things_are(gateway: Gateway) -> None:
    """Curl at the bare address gets a small object, each of whose paths answers."""
    status, body = gateway.get("/")
    places = json.loads(body)

    assert status == 200
    assert places["name"] == "LLM Proxy"
    for name in ("docs", "openapi", "health"):
        assert gateway.get(places[name])[0] == 200
    assert gateway.get(f"{places['base_url']}/models")[0] == 200
