"""The API's own pages: `/` says what this is, `/docs` is Swagger UI, `/openapi.json` its document.

Everything comes from this process: a Content-Security-Policy forbids the page any other host.
Nothing is read or built before the first request asks for it.
"""

import asyncio
from functools import partial
from pathlib import Path

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from llmproxy import __version__
from llmproxy.infra.controllers.api_document import api_document

PAGES = Path(__file__).with_name("pages")
ASSETS = {
    "docs.js": (PAGES / "docs.js", "text/javascript"),
    "swagger-ui-bundle.js": (PAGES / "swagger_ui/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": (PAGES / "swagger_ui/swagger-ui.css", "text/css"),
    "favicon-32x32.png": (PAGES / "swagger_ui/favicon-32x32.png", "image/png"),
}
POLICY = {
    # Swagger UI sets style attributes and draws its icons from data: URLs.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
ASSET_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "max-age=86400"}
WELCOME = {
    "name": "LLM Proxy",
    "version": __version__,
    "base_url": "/v1",
    "docs": "/docs",
    "openapi": "/openapi.json",
    "health": "/health",
}


def api_docs_routes() -> APIRouter:
    """Return the routes. They need no key: they tell nothing of models or callers."""
    router = APIRouter(include_in_schema=False)
    built: list[bytes] = []
    building = asyncio.Lock()
    """By one thread alone: pydantic makes validators in it that are not there yet."""

    @router.get("/")
    async def welcome(request: Request) -> Response:
        """Lead a browser to the docs, and tell a program where things are."""
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("docs", 307)
        return JSONResponse(WELCOME)

    @router.get("/docs")
    async def page() -> Response:
        """Return the page."""
        return FileResponse(PAGES / "docs.html", media_type="text/html", headers=POLICY)

    @router.get("/openapi.json")
    async def document(request: Request) -> Response:
        """Return the OpenAPI document of both planes."""
        async with building:
            if not built:
                built.append(await run_in_threadpool(partial(_encoded, request.app)))
        return Response(built[0], media_type="application/json", headers=POLICY)

    @router.get("/docs/{name}")
    async def asset(name: str) -> Response:
        """Return a file that the page consists of."""
        if name not in ASSETS:
            raise HTTPException(404)
        path, media_type = ASSETS[name]
        return FileResponse(path, media_type=media_type, headers=ASSET_HEADERS)

    return router


def _encoded(app: FastAPI) -> bytes:
    return msgspec.json.encode(api_document(app))
