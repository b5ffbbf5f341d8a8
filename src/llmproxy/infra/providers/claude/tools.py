"""Tools and how they are chosen, in Anthropic's words.

| `tool_choice` | Anthropic |
|---|---|
| `auto`, absent | nothing, or `auto` |
| `none` | `none` |
| `required` | `any` |
| one function | `tool` |
| `allowed_tools` | only those are sent, with `auto` or `any` |

`parallel_tool_calls: false` is `disable_parallel_tool_use` (`types/tool_choice_*_param.py` of
anthropic 2.12.0). Only functions can be said; tools of OpenAI's own and custom ones are refused.
"""

from typing import Any, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.translated.chat_request import Tool, invalid, tools_of

Json = dict[str, Any]
_WORDS = {"auto": "auto", "none": "none", "required": "any"}
_FORCING = frozenset(("any", "tool"))


class Tools(NamedTuple):
    """`choice` is None where Anthropic's default, to let the model choose, is meant."""

    tools: list[Json]
    choice: Json | None

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        return self.choice is not None and self.choice["type"] in _FORCING


def tools_for(call: Call, choice: object, *, parallel: bool) -> Tools:
    """Return the tools. `choice` is the value of `tool_choice`. Raises InvalidRequest."""
    tools = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools_of(call))]
    if not tools:
        if choice not in (None, "auto", "none"):
            raise invalid("tool_choice", "there are no tools to choose from")
        return Tools([], None)
    chosen = _choice(choice)
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = _allowed(choice)
        tools = [tool for tool in tools if tool["name"] in allowed]
        if len(tools) < len(allowed):
            raise invalid("tool_choice.allowed_tools.tools", "it names a tool that is not in tools")
    if not parallel and chosen["type"] != "none":
        return Tools(tools, chosen | {"disable_parallel_tool_use": True})
    return Tools(tools, None if chosen["type"] == "auto" else chosen)


def _tool(tool: Tool, place: str) -> Json:
    function = tool.function
    if tool.type != "function" or function is None:
        raise invalid(
            f"{place}.type", f"the provider of this model takes functions only, not '{tool.type}'"
        )
    schema = {"type": "object", **(function.parameters or {"properties": {}})}
    if schema["type"] != "object":
        raise invalid(f"{place}.function.parameters.type", "it must be 'object'")
    said: Json = {"name": function.name, "input_schema": schema}
    if function.description:
        said["description"] = function.description
    if function.strict:
        said["strict"] = True
    if tool.cache_control is not None:
        said["cache_control"] = tool.cache_control
    return said


def _choice(choice: object) -> Json:
    if choice is None:
        return {"type": "auto"}
    if isinstance(choice, str) and choice in _WORDS:
        return {"type": _WORDS[choice]}
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "function":
            return {"type": "tool", "name": _name(choice, "tool_choice")}
        if kind == "allowed_tools":
            return {"type": _WORDS[_mode(choice)]}
    raise invalid("tool_choice", "it must be auto, none, required, a function or allowed_tools")


def _mode(choice: Json) -> str:
    inner = choice.get("allowed_tools")
    mode = inner.get("mode") if isinstance(inner, dict) else None
    if mode not in ("auto", "required"):
        raise invalid("tool_choice.allowed_tools.mode", "it must be auto or required")
    return str(mode)


def _allowed(choice: Json) -> set[str]:
    named = choice["allowed_tools"].get("tools")
    if not isinstance(named, list) or not named:
        raise invalid("tool_choice.allowed_tools.tools", "it must name at least one function")
    return {_name(tool, "tool_choice.allowed_tools.tools[]") for tool in named}


def _name(choice: object, place: str) -> str:
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise invalid(f"{place}.function.name", "it is missing")
    return name
