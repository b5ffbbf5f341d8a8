"""A value that fits a JSON schema, the same for the same schema: what a model 'answers' to a
strict format or a tool.
"""

from collections.abc import Mapping
from typing import Any

_MAX_DEPTH = 8  # a recursive schema ends in nulls or empty lists


def example_of(schema: Mapping[str, Any], name: str = "value") -> Any:  # noqa: ANN401 - any JSON value
    """The example. Knows `$ref`, `enum`, `const`, `default`, `anyOf`, and the JSON types; strings
    are named after their field.
    """
    return _Example(schema).of(schema, name, 0)


class _Example:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def of(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        return {"string": f"example {name}", "integer": 7, "number": 1.5, "boolean": True}.get(kind)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" in schema:
            found: Any = self._root
            for part in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                found = found[part] if part else found
            return self._resolved(found)
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self._resolved(schema[key][0])
        return schema

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any] | None:
        if depth > _MAX_DEPTH:
            return None
        properties: Mapping[str, Any] = schema.get("properties", {})
        return {name: self.of(part, name, depth + 1) for name, part in properties.items()}

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if depth > _MAX_DEPTH:
            return []
        items: Mapping[str, Any] = schema.get("items", {})
        count = max(2, int(schema.get("minItems", 0)))
        return [self.of(items, name, depth + 1) for _ in range(count)]
