"""The tools of a response request, in the words of a chat completion.

Shapes: openai-python 3.57.0 `types/responses/function_tool_param.py`, `tool_choice_allowed_param
.py`; `types/chat/chat_completion_function_tool_param.py`,
`chat_completion_allowed_tool_choice_param.py`. Functions stand flat here and nested there.
"""

from collections.abc import Mapping
from typing import Any

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.translated.chat_request import JsonDict, invalid

FUNCTION = ("name", "description", "parameters", "strict")
BESIDE = frozenset(("type", "cache_control"))
IDLE: Mapping[str, tuple[object, ...]] = {
    "allowed_callers": (["direct"],),
    "defer_loading": (False,),
    "async": (False,),
}
"""Values that ask for nothing beyond a plain function."""
ONLY_FUNCTIONS = "Only tools of the type 'function' can be used with it."


def chat_tools(tools: object, model: str) -> list[JsonDict]:
    """Return the tools. Raises InvalidRequest naming the one that is no function."""
    if not isinstance(tools, list):
        raise invalid("tools", "it is not an array", code="invalid_type")
    return [_tool(tool, f"tools[{number}]", model) for number, tool in enumerate(tools)]


def _tool(tool: object, at: str, model: str) -> JsonDict:
    if not isinstance(tool, dict):
        raise invalid(at, "it is not an object", code="invalid_type")
    if tool.get("type") != "function":
        raise _not_a_function(tool.get("type"), f"{at}.type", model)
    for name, value in tool.items():
        known = name in FUNCTION or name in BESIDE or value is None
        if not known and value not in IDLE.get(name, ()):
            raise unsupported(f"{at}.{name[:100]}", model)
    function = {name: tool[name] for name in FUNCTION if tool.get(name) is not None}
    made: JsonDict = {"type": "function", "function": function}
    if tool.get("cache_control") is not None:
        made["cache_control"] = tool["cache_control"]
    return made


def chat_tool_choice(choice: object, model: str) -> str | JsonDict:
    """Return which tool is to be called. Raises InvalidRequest."""
    if choice in ("auto", "none", "required"):
        return str(choice)
    if isinstance(choice, dict):
        if choice.get("type") == "function":
            return _named(choice, "tool_choice")
        if choice.get("type") == "allowed_tools":
            return _allowed(choice, model)
        raise _not_a_function(choice.get("type"), "tool_choice.type", model)
    raise invalid("tool_choice", "it must be 'auto', 'none', 'required' or an object")


def _allowed(choice: JsonDict, model: str) -> JsonDict:
    tools = choice.get("tools")
    if not isinstance(tools, list):
        raise invalid("tool_choice.tools", "it is not an array", code="invalid_type")
    named = []
    for number, tool in enumerate(tools):
        at = f"tool_choice.tools[{number}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != "function":
            raise _not_a_function(kind, f"{at}.type", model)
        named.append(_named(tool, at))
    allowed = {"mode": choice.get("mode"), "tools": named}
    return {"type": "allowed_tools", "allowed_tools": allowed}


def _named(tool: JsonDict, at: str) -> JsonDict:
    name = tool.get("name")
    if not isinstance(name, str):
        raise invalid(f"{at}.name", "it is not a string", code="invalid_type")
    return {"type": "function", "function": {"name": name}}


def _not_a_function(kind: Any, at: str, model: str) -> InvalidRequest:  # noqa: ANN401 - JSON
    return InvalidRequest(
        f"Invalid value: '{str(kind)[:100]}'. The model `{model}` has no tools of this type.",
        param=at,
        code="invalid_value",
        hint=ONLY_FUNCTIONS,
    )


def unsupported(param: str, model: str, hint: str = "") -> InvalidRequest:
    """Return the refusal of what cannot be said to a model that only chats."""
    return InvalidRequest(
        f"Unsupported parameter: '{param}' cannot be used with the model `{model}`.",
        param=param,
        code="unsupported_parameter",
        hint=hint,
    )
