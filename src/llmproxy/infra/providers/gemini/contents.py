"""A conversation of OpenAI's as Gemini's `systemInstruction` and `contents`.

| OpenAI | Gemini |
|---|---|
| system and developer messages at the beginning | parts of `systemInstruction`, in their order |
| the same later on | the same, since there is one place only, and told in `x-llmproxy-changed` |
| nothing but such messages | one `user` content, and told |
| user, assistant | `user`, `model`; neighbours of one role become one content |
| tool messages in a row | one `user` content of `functionResponse`, in the order of the calls; \
names come from the calls |
| a message that says nothing | left out and told: Gemini takes no empty one |
| `name` of a message | left out and told |

A tool's text that is a JSON object is given as that object, but for one with the names `output` or
`error`, which mean something there; any other text is `output` (`error` when the message says
`is_error`; Vertex AI v1, discovery revision 20261106, `FunctionResponse`). Arguments and objects
keep their digits.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.gemini.generation import Generation
from llmproxy.infra.providers.gemini.parts import parts_of, texts_of
from llmproxy.infra.providers.gemini.signatures import DUMMY, recalled, shown_in
from llmproxy.infra.providers.translated.chat_request import (
    Message,
    ToolCall,
    invalid,
    messages_of,
)
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.wire.unreadable import UNREADABLE

Json = dict[str, Any]
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MEANT = frozenset(("output", "error"))


class Conversation(NamedTuple):
    """`system` are the parts of `systemInstruction`, none when it is to be left out."""

    system: list[Json]
    contents: list[Json]


def conversation_of(
    call: Call, kept: KeptReasoning, generation: Generation, remarks: Remarks
) -> Conversation:
    """Return what is said until now. Raises InvalidRequest naming what cannot be said."""
    messages = messages_of(call)
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    turn = users[-1] if users else 0
    reading = _Reading(call, kept, generation, remarks, turn)
    for index, message in enumerate(messages):
        reading.read(message, index)
    reading.settle(len(messages))
    if reading.contents:
        return Conversation(reading.system, reading.contents)
    if not reading.system:
        raise invalid("messages", "no message says anything")
    remarks.change("messages")
    return Conversation([], [{"role": "user", "parts": reading.system}])


class _Reading:
    """Goes through the messages once. `turn` is where the current turn begins."""

    def __init__(
        self,
        call: Call,
        kept: KeptReasoning,
        generation: Generation,
        remarks: Remarks,
        turn: int,
    ) -> None:
        self.system: list[Json] = []
        self.contents: list[Json] = []
        self._project = call.caller.project
        self._kept = kept
        self._generation = generation
        self._remarks = remarks
        self._turn = turn
        self._waiting: dict[str, ToolCall] = {}
        self._results: dict[str, Json] = {}
        self._mergeable = False

    def read(self, message: Message, index: int) -> None:
        say = _ROLES.get(message.role)
        if say is None:
            raise invalid(
                f"messages[{index}].role",
                f"the provider of this model knows no role '{message.role}'",
            )
        if message.name is not None and message.role != "tool":
            self._remarks.drop("messages[].name")
        if self._waiting and message.role != "tool":
            self.settle(index)
        say(self, message, index)

    def instruct(self, message: Message, index: int) -> None:
        texts = texts_of(message.content, f"messages[{index}].content")
        if texts and self.contents:
            self._remarks.change("messages")
        self.system += [{"text": text} for text in texts]

    def ask(self, message: Message, index: int) -> None:
        place = f"messages[{index}].content"
        self._say("user", parts_of(message.content, place, self._generation, self._remarks))

    def answer(self, message: Message, index: int) -> None:
        texts = texts_of(message.content, f"messages[{index}].content")
        if not texts and message.refusal:
            texts = [message.refusal]
        parts: list[Json] = [{"text": text} for text in texts]
        signature = shown_in(message.extra_content)
        if signature is not None:
            parts = parts or [{"text": ""}]
            parts[-1]["thoughtSignature"] = signature
        calls = message.tool_calls or []
        self._say("model", parts + self._calls(calls, index), alone=bool(calls))

    def _calls(self, calls: list[ToolCall], index: int) -> list[Json]:
        parts = []
        for number, call in enumerate(calls):
            place = f"messages[{index}].tool_calls[{number}]"
            if call.id in self._waiting:
                raise invalid(f"{place}.id", "another call has the same id")
            part = self._called(call, place)
            signature = recalled(call, self._kept, self._project)
            if signature is None and number == 0 and self._needs_signature(index):
                signature = DUMMY
                self._remarks.change("messages")
            if signature is not None:
                part["thoughtSignature"] = signature
            self._waiting[call.id] = call
            parts.append(part)
        return parts

    def _needs_signature(self, index: int) -> bool:
        """Whether the first call of a step is refused without: in the current turn only."""
        return self._generation.needs_signatures and index >= self._turn

    def _called(self, call: ToolCall, place: str) -> Json:
        function = call.function
        if function is None:
            raise invalid(f"{place}.type", "only functions can be called")
        said: Json = {"name": function.name, "args": _arguments(function.arguments, place)}
        if call.id and self._generation.call_ids:
            said["id"] = call.id
        return {"functionCall": said}

    def result(self, message: Message, index: int) -> None:
        place = f"messages[{index}]"
        id_ = message.tool_call_id or ""
        call = self._waiting.get(id_)
        if call is None or call.function is None:
            raise invalid(
                f"{place}.tool_call_id", "no tool call with this id stands in the message before"
            )
        if id_ in self._results:
            raise invalid(f"{place}.tool_call_id", "this tool call has a result already")
        said: Json = {
            "name": call.function.name,
            "response": _response(message, f"{place}.content"),
        }
        if self._generation.call_ids:
            said["id"] = id_
        self._results[id_] = {"functionResponse": said}

    def settle(self, index: int) -> None:
        """Say the results of the calls before `index`, where the run of tool messages ends."""
        if not self._waiting:
            return
        missing = [id_ for id_ in self._waiting if id_ not in self._results]
        if missing:
            raise invalid(
                "messages" if index == 0 else f"messages[{index - 1}]",
                f"the tool call '{missing[0][:100]}' has no result: each needs a message with role "
                "'tool' before anything else is said",
            )
        self._say("user", [self._results[id_] for id_ in self._waiting], alone=True)
        self._waiting, self._results = {}, {}

    def _say(self, role: str, parts: list[Json], *, alone: bool = False) -> None:
        """Add parts; `alone` are calls and their results, which nothing else is put beside."""
        if not parts:
            self._remarks.change("messages")
            return
        if self._mergeable and not alone and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})
        self._mergeable = not alone


def _arguments(text: str, place: str) -> Json:
    if not text.strip():
        return {}
    try:
        return _object.decode(text)
    except msgspec.ValidationError as error:
        raise invalid(f"{place}.function.arguments", "it is not a JSON object") from error
    except UNREADABLE as error:
        raise invalid(f"{place}.function.arguments", f"it is not JSON ({error})") from error


def _response(message: Message, place: str) -> Json:
    text = "".join(texts_of(message.content, place))
    if message.is_error:
        return {"error": text}
    if text[:1] != "{":
        return {"output": text}
    try:
        told = _object.decode(text)
    except UNREADABLE:
        return {"output": text}
    return told if _MEANT.isdisjoint(told) else {"output": told}


_ROLES: Mapping[str, Callable[[_Reading, Message, int], None]] = {
    "system": _Reading.instruct,
    "developer": _Reading.instruct,
    "user": _Reading.ask,
    "assistant": _Reading.answer,
    "tool": _Reading.result,
}
