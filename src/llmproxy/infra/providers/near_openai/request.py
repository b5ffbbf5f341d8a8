"""An OpenAI chat completion request in the words of one of these vendors."""

from typing import Any, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.near_openai.manners import Manners
from llmproxy.infra.providers.near_openai.messages import Conversation
from llmproxy.infra.providers.translated.chat_request import (
    JsonDict,
    invalid,
    tools_of,
    value_of,
)
from llmproxy.infra.providers.translated.leftovers import left_out

_encode = msgspec.json.Encoder().encode
ABSENT = (None, b"null")
CHOICES = frozenset(("auto", "none", "any", "required"))


class Made(NamedTuple):
    """The body, and what of the request is not in it."""

    body: bytes
    dropped: tuple[str, ...]


def request_body(call: Call, manners: Manners, parameters: Parameters, model: str) -> Made:
    """Return what is sent. Raises InvalidRequest for what the vendor has no word for."""
    dropped = left_out(call, manners.fields, drop_unsupported=parameters.drop_unsupported)
    conversation = Conversation(call, manners)
    fields: dict[str, Any] = {}
    if manners.names_model:
        fields["model"] = model.partition("@")[0]
        fields["stream"] = call.stream
    fields["messages"] = conversation.messages
    for name in call.body.fields:
        text = call.body.value(name)
        if name in manners.fields and text not in ABSENT:
            fields[manners.renamed.get(name, name)] = msgspec.Raw(text or b"")
    for name, value in parameters.request_defaults.items():
        if name in manners.defaults:
            fields.setdefault(name, value)
    _rewrite_tools(call, fields, manners)
    return Made(_encode(fields), (*dropped, *conversation.dropped))


def _rewrite_tools(call: Call, fields: dict[str, Any], manners: Manners) -> None:
    tools = tools_of(call)
    if not tools:
        fields.pop("tools", None)
        return
    made = []
    for at, tool in enumerate(tools):
        if tool.function is None:
            raise invalid(f"tools[{at}].type", f"'{tool.type[:50]}' is not offered by this model")
        function: JsonDict = {
            "name": tool.function.name,
            "description": tool.function.description or "",
            "parameters": tool.function.parameters or {"type": "object", "properties": {}},
        }
        if tool.function.strict is not None and manners.any_choice:
            function["strict"] = tool.function.strict
        made.append({"type": "function", "function": function})
    fields["tools"] = made
    choice = value_of(call, "tool_choice")
    if choice == "required" and manners.any_choice:
        fields["tool_choice"] = "any"
    elif isinstance(choice, dict) and choice.get("type") != "function":
        raise invalid("tool_choice", "this model can be held to one function only")
    elif isinstance(choice, str) and choice not in CHOICES:
        raise invalid("tool_choice", f"'{choice[:50]}' is none of auto, none and required")
