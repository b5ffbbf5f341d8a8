"""Tools and how they are chosen, in Gemini's words.

| `tool_choice` | `functionCallingConfig` |
|---|---|
| `auto`, absent | nothing; `VALIDATED` when a function says `strict: true` |
| `none` | `NONE` |
| `required`, one function | `ANY`, with that one's name |
| `allowed_tools` | `VALIDATED` or `ANY`, with their names |

`VALIDATED` is the mode that lets the model choose and still keeps it to the schemas, and that takes
names beside it (Vertex AI v1, discovery revision 20261106, `FunctionCallingConfig`); `ANY` keeps to
them too. A schema goes out as it stands, in `parametersJsonSchema`. Only functions can be said.
"""

from typing import Any, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.translated.chat_request import invalid, typed_value

Json = dict[str, Any]
_MODES = {"none": "NONE", "required": "ANY"}


NULL = msgspec.Raw(b"null")
"""`Raw | None` would take null only (msgspec 0.22)."""


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = NULL
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str
    function: _Function | None = None


class _Named(msgspec.Struct):
    name: str


class _Allowed(msgspec.Struct):
    type: str
    function: _Named | None = None


class _AllowedTools(msgspec.Struct):
    mode: str
    tools: list[_Allowed]


class _Choice(msgspec.Struct):
    type: str
    function: _Named | None = None
    allowed_tools: _AllowedTools | None = None


_tools = msgspec.json.Decoder(list[_Tool] | None)
_choice = msgspec.json.Decoder(str | _Choice | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


class Tools(NamedTuple):
    """`declared` are the function declarations, `config` the `functionCallingConfig` if any."""

    declared: list[Json]
    config: Json | None


def tools_for(call: Call) -> Tools:
    """Return the tools. Raises InvalidRequest naming what cannot be said."""
    tools: list[_Tool] = typed_value(_tools, call, "tools") or []
    choice = typed_value(_choice, call, "tool_choice")
    if not tools:
        if choice not in (None, "auto", "none"):
            raise invalid("tool_choice", "there are no tools to choose from")
        return Tools([], None)
    declared = [_declared(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    strict = any(tool.function is not None and tool.function.strict for tool in tools)
    config = _config(choice, strict=strict)
    names = {function["name"] for function in declared}
    if config is not None and not names.issuperset(config.get("allowedFunctionNames", ())):
        raise invalid("tool_choice", "it names a function that is not in tools")
    return Tools(declared, config)


def _declared(tool: _Tool, place: str) -> Json:
    function = tool.function
    if tool.type != "function" or function is None:
        raise invalid(
            f"{place}.type", f"the provider of this model takes functions only, not '{tool.type}'"
        )
    said: Json = {"name": function.name}
    if function.description:
        said["description"] = function.description
    if _parameters(function.parameters, f"{place}.function.parameters"):
        said["parametersJsonSchema"] = function.parameters
    return said


def _parameters(schema: msgspec.Raw, place: str) -> dict[str, msgspec.Raw] | None:
    """Return the top of a schema, empty or None for a function that takes nothing."""
    try:
        fields: dict[str, msgspec.Raw] | None = _object.decode(schema)
    except msgspec.DecodeError as error:
        raise invalid(place, "it must be an object") from error
    return fields


def _config(choice: str | _Choice | None, *, strict: bool) -> Json | None:
    if choice is None or choice == "auto":
        return {"mode": "VALIDATED"} if strict else None
    if isinstance(choice, str):
        if choice in _MODES:
            return {"mode": _MODES[choice]}
    elif choice.type == "function" and choice.function is not None:
        return {"mode": "ANY", "allowedFunctionNames": [choice.function.name]}
    elif choice.type == "allowed_tools" and choice.allowed_tools is not None:
        return _some(choice.allowed_tools)
    raise invalid("tool_choice", "it must be auto, none, required, a function or allowed_tools")


def _some(allowed: _AllowedTools) -> Json:
    if allowed.mode not in ("auto", "required"):
        raise invalid("tool_choice.allowed_tools.mode", "it must be auto or required")
    names = [tool.function.name for tool in allowed.tools if tool.function is not None]
    if len(names) < len(allowed.tools) or not names:
        raise invalid("tool_choice.allowed_tools.tools", "it must name functions, at least one")
    mode = "ANY" if allowed.mode == "required" else "VALIDATED"
    return {"mode": mode, "allowedFunctionNames": names}
