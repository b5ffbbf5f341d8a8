"""`response_format` as `output_config.format`.

A JSON schema goes on as it is, with OpenAI's description of it where it has none of its own;
Anthropic always holds to it, which `strict` asks for, and refuses keywords that it does not support
in its own words. Objects of no schema (`json_object`) it does not have: every object must be closed
(platform.claude.com, "Structured outputs", 2026-11). A tool that stands for the answer would change
what the client sees, so that is refused, or left out under `drop_unsupported`: OpenAI wants such
requests to ask for JSON in words, and those stay.
"""

from typing import Any

from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]
FIELD = "response_format"


def output_format(value: object, remarks: Remarks) -> Json | None:
    """Return `output_config.format`, None for text. Raises InvalidRequest."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid(FIELD, "it must be an object")
    kind = value.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        remarks.impossible(
            FIELD,
            "the provider of this model has no 'json_object'",
            "Use `json_schema`, whose objects say `additionalProperties: false`.",
        )
        return None
    if kind != "json_schema":
        raise invalid(f"{FIELD}.type", "it must be text or json_schema")
    return {"type": "json_schema", "schema": _schema(value.get("json_schema"))}


def _schema(described: object) -> Json:
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(described, dict) or not isinstance(schema, dict):
        raise invalid(f"{FIELD}.json_schema.schema", "it must be an object")
    words = described.get("description")
    return {"description": words, **schema} if isinstance(words, str) and words else schema
