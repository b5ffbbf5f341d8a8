"""Makes of a Gemini request the few fields of OpenAI's that `tests.simulators.model` reads, so that
tests of every wire can expect the same answers.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.gemini.rules import declarations

Json = dict[str, Any]

_OUTPUT_KEYS = ("output", "result", "content")


def as_openai(body: Json) -> Json:
    """The request (a `GenerateContentRequest` as it was read) with OpenAI's names."""
    config = body.get("generation_config", {})
    told: Json = {"messages": _messages(body)}
    names = {
        "candidate_count": "n",
        "max_output_tokens": "max_completion_tokens",
        "stop_sequences": "stop",
        "seed": "seed",
        "temperature": "temperature",
    }
    for google, openai in names.items():
        if google in config:
            told[openai] = config[google]
    kind = config.get("response_mime_type", "text/plain")
    if kind != "text/plain":
        told["response_format"] = _format(config)
    return told | _tools(body)


def json_schema(schema: object) -> Any:  # noqa: ANN401 - any JSON value
    """A proto schema as a JSON schema."""
    if isinstance(schema, list):
        return [json_schema(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    told: Json = {}
    for name, value in schema.items():
        if name == "type":
            told["type"] = value.lower() if isinstance(value, str) else value
        elif name in {"properties", "defs"}:
            told[{"defs": "$defs"}.get(name, name)] = {
                key: json_schema(each) for key, each in value.items()
            }
        elif name in {"items", "any_of"}:
            told[{"any_of": "anyOf"}.get(name, name)] = json_schema(value)
        else:
            told[{"ref": "$ref", "min_items": "minItems"}.get(name, name)] = value
    return told


def text_of_parts(content: Json) -> str:
    """What is said in a content; thoughts are not."""
    return "".join(
        part.get("text", "") for part in content.get("parts", []) if not part.get("thought")
    )


def _messages(body: Json) -> list[Json]:
    messages: list[Json] = []
    if "system_instruction" in body:
        messages.append({"role": "system", "content": text_of_parts(body["system_instruction"])})
    for content in body["contents"]:
        responses = [
            part["function_response"] for part in content["parts"] if "function_response" in part
        ]
        messages.extend({"role": "tool", "content": _said_by(each)} for each in responses)
        if not responses:
            role = "assistant" if content.get("role") == "model" else "user"
            messages.append({"role": role, "content": text_of_parts(content)})
    return messages


def _said_by(response: Json) -> str:
    """What a tool said. Google's page "Function calling" names the key `output`; other keys are
    taken as a whole.
    """
    told = response.get("response") or {}
    if len(told) == 1:
        for key in _OUTPUT_KEYS:
            if isinstance(told.get(key), str):
                return str(told[key])
    return json.dumps(told)


def _format(config: Json) -> Json:
    if "response_json_schema" in config:
        schema = config["response_json_schema"]
    elif "response_schema" in config:
        schema = json_schema(config["response_schema"])
    else:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _tools(body: Json) -> Json:
    choice = body.get("tool_config", {}).get("function_calling_config", {})
    allowed = choice.get("allowed_function_names")
    functions = [
        {"name": each["name"], "parameters": _parameters(each)}
        for _, each in declarations(body)
        if not allowed or each["name"] in allowed
    ]
    if not functions:
        return {}
    modes = {"NONE": "none", "ANY": "required"}
    return {
        "tools": [{"type": "function", "function": function} for function in functions],
        "tool_choice": modes.get(choice.get("mode", "AUTO"), "auto"),
    }


def _parameters(declaration: Json) -> Json:
    if "parameters_json_schema" in declaration:
        schema: Json = declaration["parameters_json_schema"]
        return schema
    told: Json = json_schema(declaration.get("parameters", {"type": "OBJECT"}))
    return told
