"""A request for a response, as a request for a chat completion.

Fields: OpenAI's API description 2.3.0, CreateResponse and CreateChatCompletionRequest. A field that
neither names goes to the chat as it is, as do those that both name alike: what the model cannot
take, its own adapter refuses.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.responses_over_chat.conversation import (
    Conversation,
    Place,
    Withheld,
)
from llmproxy.infra.providers.responses_over_chat.tools import (
    chat_tool_choice,
    chat_tools,
    unsupported,
)
from llmproxy.infra.providers.translated.chat_request import JsonDict, invalid, value_of
from llmproxy.infra.wire.json_object import JsonObject

KEEPS_NONE = "This model keeps no responses: send the earlier items in `input`."
LOGPROBS = "message.output_text.logprobs"
INCLUDED = ("reasoning.encrypted_content", LOGPROBS)
ORDINARY = (("mode", "standard"), ("context", "auto"))
"""What `reasoning` may say and asks for nothing beyond what happens anyway."""
REFUSED: Mapping[str, str] = {
    "previous_response_id": KEEPS_NONE,
    "conversation": KEEPS_NONE,
    "prompt": "Send the prompt's text in `instructions` or `input`.",
    "max_tool_calls": "It counts calls of built-in tools, and this model has none.",
    "context_management": "",
}
"""What only OpenAI's own servers can do, and what to do instead."""
UNKNOWN = frozenset(
    (
        "messages",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "response_format",
        "reasoning_effort",
        "verbosity",
        "logprobs",
        "functions",
        "function_call",
        "audio",
        "modalities",
        "prediction",
        "web_search_options",
    )
)
"""What only chat completions know: taken as it is, it would cross what is translated here."""
_encode = msgspec.json.Encoder().encode
_TRUE = msgspec.Raw(b"true")
_USAGE = msgspec.Raw(b'{"include_usage":true}')


class Asked(NamedTuple):
    """The chat request; `places` say where each message comes from."""

    body: JsonObject
    places: list[Place]
    withheld: list[Withheld]
    summarized: bool
    """Whether the client asked for summaries of the reasoning."""


class _Draft:
    def __init__(self, call: Call) -> None:
        self.model = call.model
        self.fields: dict[str, object] = {}
        self.summarized = False

    def take(self, name: str, call: Call) -> None:
        """Take one field of the request. Raises InvalidRequest."""
        text = call.body.value(name)
        if text is None or text == b"null" or name in SEPARATE:
            return
        if name in UNKNOWN:
            raise InvalidRequest(
                f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter"
            )
        if name in REFUSED:
            raise unsupported(name, self.model, REFUSED[name])
        take = TAKEN.get(name)
        if take is None:
            self.fields[name] = msgspec.Raw(text)
        else:
            take(self, value_of(call, name))

    def finish(self) -> None:
        """Leave out what a chat refuses beside no tools, and a response does not mind."""
        if self.fields.get("tools"):
            return
        self.fields.pop("tools", None)
        self.fields.pop("parallel_tool_calls", None)
        choice = self.fields.pop("tool_choice", "auto")
        if isinstance(choice, dict) or choice == "required":
            raise invalid("tool_choice", "it names tools, and there are no 'tools'")


def chat_request(call: Call) -> Asked:
    """Return what to ask the chat. Raises InvalidRequest."""
    draft = _Draft(call)
    for name in call.body.fields:
        draft.take(name, call)
    draft.finish()
    conversation = _conversation(call)
    fields = draft.fields
    fields["messages"] = conversation.messages
    if call.stream:
        fields["stream"] = _TRUE
        fields["stream_options"] = _USAGE
    body = JsonObject(_encode(fields))
    return Asked(body, conversation.places, conversation.withheld, draft.summarized)


def _conversation(call: Call) -> Conversation:
    conversation = Conversation(call.model)
    instructions = value_of(call, "instructions")
    if instructions is not None:
        if not isinstance(instructions, str):
            raise invalid("instructions", "it is not a string", code="invalid_type")
        conversation.instruct(instructions)
    conversation.read(call.body.value("input") or b"[]")
    if not conversation.messages:
        raise invalid("input", "it holds no message", code="empty_array")
    return conversation


def _max_output_tokens(draft: _Draft, value: object) -> None:
    draft.fields["max_tokens"] = value


def _tools(draft: _Draft, value: object) -> None:
    draft.fields["tools"] = chat_tools(value, draft.model)


def _tool_choice(draft: _Draft, value: object) -> None:
    draft.fields["tool_choice"] = chat_tool_choice(value, draft.model)


def _background(draft: _Draft, value: object) -> None:
    if value is not False:
        raise unsupported("background", draft.model, "This model answers at once only.")


def _truncation(draft: _Draft, value: object) -> None:
    if value != "disabled":
        raise unsupported("truncation", draft.model, "Only 'disabled' can be used with it.")


def _include(draft: _Draft, value: object) -> None:
    if not isinstance(value, list):
        raise invalid("include", "it is not an array", code="invalid_type")
    for number, word in enumerate(value):
        if word not in INCLUDED:
            raise invalid(f"include[{number}]", f"'{str(word)[:100]}' is nothing this model has")
    if LOGPROBS in value:
        draft.fields["logprobs"] = True


def _top_logprobs(draft: _Draft, value: object) -> None:
    if value:
        draft.fields["logprobs"] = True
        draft.fields["top_logprobs"] = value


def _text(draft: _Draft, value: object) -> None:
    text = _object("text", value)
    _no_other("text", text, ("format", "verbosity"), draft.model)
    if text.get("verbosity") is not None:
        draft.fields["verbosity"] = text["verbosity"]
    if text.get("format") is None:
        return
    wanted = _object("text.format", text["format"])
    kind = wanted.get("type")
    if kind == "json_object":
        draft.fields["response_format"] = {"type": "json_object"}
    elif kind == "json_schema":
        schema = {name: each for name, each in wanted.items() if name != "type"}
        draft.fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif kind != "text":
        raise invalid("text.format.type", f"'{str(kind)[:100]}' is no format this model has")


def _reasoning(draft: _Draft, value: object) -> None:
    reasoning = _object("reasoning", value)
    known = ("effort", "summary", "generate_summary")
    rest = {name: each for name, each in reasoning.items() if (name, each) not in ORDINARY}
    _no_other("reasoning", rest, known, draft.model)
    if reasoning.get("effort") is not None:
        draft.fields["reasoning_effort"] = reasoning["effort"]
    asked = reasoning.get("summary") or reasoning.get("generate_summary")
    draft.summarized = asked is not None


def _object(name: str, value: object) -> JsonDict:
    if not isinstance(value, dict):
        raise invalid(name, "it is not an object", code="invalid_type")
    return value


def _no_other(name: str, value: JsonDict, known: tuple[str, ...], model: str) -> None:
    for field, each in value.items():
        if field not in known and each is not None:
            raise unsupported(f"{name}.{field[:100]}", model)


SEPARATE = frozenset(("input", "instructions", "stream", "stream_options", "store", "metadata"))
"""Read elsewhere, or said by the response alone.

Nothing is kept, so that there is nothing to `store` and nobody to read `metadata` but who sent
them. `stream_options` can ask for obfuscation only, which pads events and says nothing.
"""
TAKEN: Mapping[str, Callable[[_Draft, Any], None]] = {
    "max_output_tokens": _max_output_tokens,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "background": _background,
    "truncation": _truncation,
    "include": _include,
    "top_logprobs": _top_logprobs,
    "text": _text,
    "reasoning": _reasoning,
}
