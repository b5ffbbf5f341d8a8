"""What only the OpenAPI document needs is made when somebody asks for it, and once."""

import asyncio
import subprocess
import sys
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from typing_extensions import override

from llmproxy.infra.controllers.api_docs import api_docs_routes

CLIENTS = 8
SAYS_WHAT_IS_MADE = """
import llmproxy.infra.controllers
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel
class Own(BaseModel):
    name: str
print(OpenAPI.__pydantic_complete__, Own.__pydantic_complete__)
"""


class Counted(FastAPI):
    """Counts how often its document is made."""

    made = 0

    @override
    def openapi(self) -> dict[str, Any]:
        """Make it, and count that."""
        self.made += 1
        return super().openapi()


def test_the_document_is_built_once_whoever_asks_meanwhile() -> None:
    """By one thread alone: in two, pydantic would make the same validators at once."""
    app = Counted(title="LLM Proxy", version="0")
    router = api_docs_routes()
    app.include_router(router)
    paths = {each.path: each for each in router.routes if isinstance(each, APIRoute)}
    document = paths["/openapi.json"].endpoint

    async def asked() -> set[bytes]:
        request = Request({"type": "http", "app": app})
        answers = await asyncio.gather(*[document(request) for _ in range(CLIENTS)])
        return {answer.body for answer in answers}

    assert len(asyncio.run(asked())) == 1
    assert app.made == 1


def test_fastapis_models_of_it_have_no_validators_yet() -> None:
    """They take time and memory at every start; other models are made as ever."""
    command = [sys.executable, "-c", SAYS_WHAT_IS_MADE]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
