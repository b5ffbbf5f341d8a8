"""Doors of the gateway: bytes in, use case, bytes out.

FastAPI declares the whole of OpenAPI as models, whose validators pydantic makes at once unless it
is told otherwise. Here they are made when they are needed: for the page of the document, which few
processes ever show.
"""

from importlib import import_module

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
import_module("fastapi")
del BaseModel.model_config["defer_build"]
