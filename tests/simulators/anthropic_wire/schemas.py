"""What a JSON schema must be: valid, and where the answer is held to it (structured outputs, strict
tools) closed and of few keywords.

Words: veryfront/veryfront-code pull 3921, BerriAI/litellm issue 35808, and platform.claude.com,
"Structured outputs" (what is not supported).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulators.anthropic_wire.errors import invalid

_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "allOf", "oneOf")
_REFUSED: Mapping[str, tuple[str, ...]] = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
}


_KINDS = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_INVALID = (
    "JSON schema is invalid. It must match JSON Schema draft 2020-12 "
    "(https://json-schema.org/draft/2020-12). Learn more about tool use at "
    "https://docs.claude.com/en/docs/tool-use."
)


def check_valid(where: str, schema: object) -> None:
    """It is a JSON schema, as far as the keywords go that the simulators look at."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict) or not _fits(schema):
        raise invalid(f"{where}: {_INVALID}")
    for inner in _inner(schema):
        check_valid(where, inner)


def opened(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The schema with `{}` for `true` and `false`, of which no example could be made."""
    if isinstance(schema, bool):
        return {}
    changed = dict(schema)
    for name in _NAMED:
        if name in changed:
            changed[name] = {key: opened(inner) for key, inner in changed[name].items()}
    for name in _LISTED:
        if name in changed:
            changed[name] = [opened(inner) for inner in changed[name]]
    if "items" in changed:
        changed["items"] = opened(changed["items"])
    return changed


def check_schema(where: str, schema: Mapping[str, Any]) -> None:
    """Every object in it is closed, and no keyword is one that is not supported."""
    for part in _parts(schema):
        kind = part.get("type")
        if kind == "object":
            closed = part.get("additionalProperties")
            if closed is None:
                raise invalid(
                    f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to "
                    "false"
                )
            if closed is not False:
                raise invalid(
                    f"{where}: For 'object' type, 'additionalProperties: {str(closed).lower()}' is "
                    "not supported. Please set 'additionalProperties' to false"
                )
        refused = [name for name in _REFUSED.get(str(kind), ()) if name in part]
        if refused:
            raise invalid(
                f"{where}: For '{kind}' type, properties {', '.join(sorted(refused))} are not "
                "supported"
            )


def _parts(schema: object) -> Iterator[Mapping[str, Any]]:
    """The schema and every schema in it, of a valid one."""
    if isinstance(schema, dict):
        yield schema
        for inner in _inner(schema):
            yield from _parts(inner)


def _inner(schema: Mapping[str, Any]) -> Iterator[object]:
    for name in _NAMED:
        yield from schema.get(name, {}).values()
    for name in _LISTED:
        yield from schema.get(name, [])
    if "items" in schema:
        yield schema["items"]


def _fits(schema: Mapping[str, Any]) -> bool:
    """Whether the keywords have their types."""
    kinds = schema.get("type", "object")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return (
        bool(kinds)
        and all(isinstance(kind, str) and kind in _KINDS for kind in kinds)
        and all(isinstance(schema.get(name, {}), dict) for name in _NAMED)
        and all(
            isinstance(schema.get(name, [0]), list) and schema.get(name, [0]) for name in _LISTED
        )
        and isinstance(schema.get("enum", []), list)
        and isinstance(schema.get("minItems", 0), int)
        and all(isinstance(name, str) for name in _listed(schema.get("required", [])))
        and isinstance(schema.get("$ref", ""), str)
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [None]
