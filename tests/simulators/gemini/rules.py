"""What the model server checks of a request beside its turns: numbers, tools, schemas, thinking.

Ranges: Vertex AI's page "Generate content with the Gemini API" (2026). Words: errors that users
quoted in public issues, 2024 to 2026 (`maxOutputTokens value of …`, langchain-google 972 for
thinking that cannot be turned off, `enum[3]: cannot be empty`, `only allowed for OBJECT type`,
`Function calling with a response mime type: 'application/json' is unsupported`). The words for a
budget beside a level, for a schema without its media type and for logprobs without
`responseLogprobs` were not seen anywhere.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.simulators.gemini.errors import invalid, unable
from tests.simulators.gemini.models import Model

Json = dict[str, Any]

_RANGES: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, 2),
    "top_p": ("topP", 0, 1),
    "presence_penalty": ("presencePenalty", -2, 2),
    "frequency_penalty": ("frequencyPenalty", -2, 2),
}
_COUNTS: dict[str, tuple[str, int, int]] = {
    "candidate_count": ("candidateCount", 1, 8),
    "logprobs": ("logprobs", 0, 20),
    "top_k": ("topK", 1, 64),
}
_MIME_TYPES = ("text/plain", "application/json", "text/x.enum")
_MAX_STOPS = 5
_MAX_FUNCTIONS = 512
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_BAD_NAME = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, "
    "A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
)


def check_request(body: Json, model: Model) -> None:
    """Everything but the contents and their signatures."""
    config = body.get("generation_config", {})
    _check_numbers(config, model)
    _check_format(config)
    _check_thinking(config.get("thinking_config", {}), model)
    declared = declarations(body)
    for at, declaration in declared:
        _check_function(at, declaration)
    _check_choice(body, [declaration["name"] for _, declaration in declared])
    if declared and model.generation < 3 and config.get("response_mime_type") == "application/json":
        raise invalid(
            "Function calling with a response mime type: 'application/json' is unsupported"
        )


def declarations(body: Json) -> list[tuple[str, Json]]:
    """Every function declaration, with where it stands."""
    return [
        (f"tools[{index}].function_declarations[{number}]", declaration)
        for index, tool in enumerate(body.get("tools", []))
        for number, declaration in enumerate(tool.get("function_declarations", []))
    ]


def _check_numbers(config: Json, model: Model) -> None:
    for name, (said, low, high) in _RANGES.items():
        value = config.get(name)
        if value is not None and not low <= value <= high:
            raise _out_of_range(said, value, f"{low} (inclusive)", f"{high} (inclusive)")
    counts = {
        **_COUNTS,
        "max_output_tokens": ("maxOutputTokens", 1, model.max_output_tokens),
    }
    for name, (said, lowest, highest) in counts.items():
        value = config.get(name)
        if value is not None and not lowest <= value <= highest:
            raise _out_of_range(said, value, f"{lowest} (inclusive)", f"{highest + 1} (exclusive)")
    if len(config.get("stop_sequences", [])) > _MAX_STOPS:
        raise unable(f"stopSequences holds more than {_MAX_STOPS} entries.")
    if config.get("logprobs") is not None and not config.get("response_logprobs"):
        raise unable("logprobs needs responseLogprobs.")


def _out_of_range(name: str, value: object, low: str, high: str) -> Exception:
    return unable(
        f"it has a {name} value of {value} but the supported range is from {low} to {high}. Update "
        "the value and try again."
    )


def _check_format(config: Json) -> None:
    kind = config.get("response_mime_type", "text/plain")
    if kind not in _MIME_TYPES:
        raise unable(f"response_mime_type {kind} is not supported.")
    schemas = [name for name in ("response_schema", "response_json_schema") if name in config]
    if schemas and kind == "text/plain":
        raise unable(f"{schemas[0]} needs the response_mime_type application/json.")
    if len(schemas) > 1:
        raise unable("only one of response_schema and response_json_schema can be set.")
    if "response_schema" in config:
        check_schema("generation_config.response_schema", config["response_schema"])


def _check_thinking(thinking: Json, model: Model) -> None:
    budget, level = thinking.get("thinking_budget"), thinking.get("thinking_level")
    if thinking and model.budgets is None:
        raise unable("Thinking is not supported by this model.")
    if level is not None and not model.has_levels:
        raise unable("Thinking level is unsupported for this model.")
    if budget is None:
        return
    if level is not None:
        raise unable("only one of thinking budget and thinking level can be set.")
    if budget == 0 and model.always_thinks:
        raise unable(
            "Thinking can't be disabled for this model. Remove 'thinking_config.thinking_budget' "
            "from your request and try again.."
        )
    low, high = model.budgets or (0, 0)
    if budget not in {0, -1} and not low <= budget <= high:
        raise unable(
            f"thinking_budget is out of range; supported values are integers from {low} to {high}."
        )


def _check_function(at: str, declaration: Json) -> None:
    if not _NAME.fullmatch(declaration.get("name", "")):
        raise invalid(f"{at}.name: [FIELD_INVALID] {_BAD_NAME}")
    if "parameters" in declaration and "parameters_json_schema" in declaration:
        raise invalid(f"{at}: only one of parameters and parameters_json_schema can be set.")
    parameters = declaration.get("parameters")
    if parameters is None:
        return
    if parameters.get("type") != "OBJECT":
        raise invalid(
            f"Unable to submit request because `{declaration['name']}` functionDeclaration "
            "`parameters` schema should be of type OBJECT."
        )
    check_schema(f"{at}.parameters", parameters)


def check_schema(at: str, schema: Json) -> None:
    """What the proto allows and the model server does not."""
    kind = schema.get("type")
    if "any_of" in schema:
        others = set(schema) - {"any_of"}
        if others - {"description", "title", "nullable", "default", "defs"}:
            raise invalid(
                f"Unable to submit request because `{at}` schema specified other fields alongside "
                "any_of. When using any_of, it must be the only field set."
            )
    elif kind is None and "ref" not in schema:
        raise unable(f"`{at}` schema didn't specify the schema type field.")
    _check_enum(at, schema)
    if kind == "ARRAY" and "items" not in schema:
        raise invalid(f"{at}.items: missing field.")
    _check_object(at, schema)
    for where, part in _parts_of(at, schema):
        check_schema(where, part)


def _check_enum(at: str, schema: Json) -> None:
    for index, value in enumerate(schema.get("enum", [])):
        if value == "":
            raise invalid(f"{at}.enum[{index}]: cannot be empty")
    if "enum" in schema and schema.get("type") not in {"STRING", "INTEGER", "NUMBER"}:
        raise invalid(f"{at}.enum: only allowed for STRING type")


def _check_object(at: str, schema: Json) -> None:
    for name in ("properties", "required"):
        if schema.get(name) and schema.get("type") != "OBJECT":
            raise invalid(f"{at}.{name}: only allowed for OBJECT type")
    for index, name in enumerate(schema.get("required", [])):
        if name not in schema.get("properties", {}):
            raise invalid(f"{at}.required[{index}]: property is not defined")


def _parts_of(at: str, schema: Json) -> Iterator[tuple[str, Json]]:
    for name, part in schema.get("properties", {}).items():
        yield f"{at}.properties[{name}]", part
    for index, part in enumerate(schema.get("any_of", [])):
        yield f"{at}.any_of[{index}]", part
    if "items" in schema:
        yield f"{at}.items", schema["items"]
    for name, part in schema.get("defs", {}).items():
        yield f"{at}.defs[{name}]", part


def _check_choice(body: Json, names: list[str]) -> None:
    choice = body.get("tool_config", {}).get("function_calling_config", {})
    allowed = choice.get("allowed_function_names", [])
    if len(names) > _MAX_FUNCTIONS:
        raise invalid(f"At most {_MAX_FUNCTIONS} function declarations can be provided.")
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(f"Duplicate function declaration found: {twice}")
    if choice.get("mode") in {"ANY", "VALIDATED"} and not names:
        raise invalid("Function calling config is set without function_declarations.")
    if allowed and choice.get("mode") not in {"ANY", "VALIDATED"}:
        raise invalid(
            "Allowed function names should only be set when function calling mode is ANY."
        )
    for index, name in enumerate(allowed):
        if name not in names:
            raise invalid(
                f"tool_config.function_calling_config.allowed_function_names[{index}]: {name} is "
                "not a declared function."
            )
