"""A conversation of OpenAI's as Anthropic's `system` and `messages`.

| OpenAI | Anthropic |
|---|---|
| system and developer messages at the beginning | blocks of `system`, in their order |
| the same later on | a `system` message where the model and its neighbours allow one, else moved \
to the end of `system` and told in `x-llmproxy-changed: messages` |
| tool messages in a row | results in one user message, as parallel calls want it |
| an assistant message that says nothing | left out and told: Anthropic takes no empty message |
| `name` of a message | left out and told: there is no such thing |

Neighbours of one role are one turn to Anthropic too, so nothing is put between them and none are
merged (`types/message_create_params.py` of anthropic 2.12.0, `messages`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.claude.content import blocks_of, text_only
from llmproxy.infra.providers.claude.thoughts import recalled, with_thoughts
from llmproxy.infra.providers.translated.chat_request import (
    Message,
    ToolCall,
    arguments_of,
    invalid,
    messages_of,
)
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]
_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]+")
_BAD_SIGN = re.compile(r"[^a-zA-Z0-9_-]")


class Conversation(NamedTuple):
    """`system` are blocks of text.

    `forgot`: the turn that is still going on began with calls of tools, and what was thought before
    them is lost.
    """

    system: list[Json]
    messages: list[Json]
    forgot: bool


def conversation_of(
    call: Call, kept: KeptReasoning, remarks: Remarks, *, system_turns: bool
) -> Conversation:
    """Return what is said until now. Raises InvalidRequest naming what cannot be said."""
    reading = _Reading(call, kept, remarks, system_turns=system_turns)
    for index in range(len(reading.asked)):
        reading.read(index)
    if not reading.messages:
        raise invalid("messages", "there must be a user message beside the instructions")
    return Conversation(
        reading.system + reading.moved, reading.messages, reading.opened and reading.forgot
    )


class _Reading:
    """Goes through the messages once."""

    def __init__(
        self, call: Call, kept: KeptReasoning, remarks: Remarks, *, system_turns: bool
    ) -> None:
        self.asked = messages_of(call)
        self.system: list[Json] = []
        self.moved: list[Json] = []
        self.messages: list[Json] = []
        self.opened = self.forgot = False
        self._project = call.caller.project
        self._kept = kept
        self._remarks = remarks
        self._system_turns = system_turns
        self._results: list[Json] | None = None

    def read(self, index: int) -> None:
        message = self.asked[index]
        say = _ROLES.get(message.role)
        if say is None:
            raise invalid(
                f"messages[{index}].role",
                f"the provider of this model knows no role '{message.role}'",
            )
        if message.name is not None:
            self._remarks.drop("messages[].name")
        if message.role != "tool":
            self._results = None
        say(self, message, index)

    def instruct(self, message: Message, index: int) -> None:
        blocks = text_only(self._blocks(message, index), f"messages[{index}].content")
        if not any(block["text"].strip() for block in blocks):
            return
        if not self.messages:
            self.system += blocks
        elif self._system_turns and self._fits_between(index):
            self._say("system", blocks)
        else:
            self.moved += blocks
            self._remarks.change("messages")

    def _fits_between(self, index: int) -> bool:
        """Whether a system message may stand here: behind a user's, before an assistant's or none.

        platform.claude.com, "Mid-conversation system messages", placement (2026-11).
        """
        following = self.asked[index + 1].role if index + 1 < len(self.asked) else "assistant"
        return self.messages[-1]["role"] == "user" and following == "assistant"

    def ask(self, message: Message, index: int) -> None:
        self.opened = False
        blocks = self._blocks(message, index)
        if not blocks:
            raise invalid(f"messages[{index}].content", "it must not be empty")
        self._say("user", blocks)

    def answer(self, message: Message, index: int) -> None:
        place = f"messages[{index}]"
        calls = message.tool_calls or []
        blocks = text_only(self._blocks(message, index), f"{place}.content")
        blocks = [block for block in blocks if block["text"].strip()]
        if not blocks and message.refusal:
            blocks = [{"type": "text", "text": message.refusal}]
        blocks += [
            _tool_use(call, f"{place}.tool_calls[{number}]") for number, call in enumerate(calls)
        ]
        thoughts = message.thinking_blocks or recalled(self._kept, self._project, calls)
        if not self.opened:
            self.opened, self.forgot = True, bool(calls) and not thoughts
        if blocks:
            self._say("assistant", with_thoughts(blocks, thoughts, place))
        else:
            self._remarks.change("messages")

    def result(self, message: Message, index: int) -> None:
        if not message.tool_call_id:
            raise invalid(f"messages[{index}].tool_call_id", "it is missing")
        block: Json = {"type": "tool_result", "tool_use_id": tool_id(message.tool_call_id)}
        content = self._blocks(message, index, mark=False)
        if content:
            block["content"] = _plainest(content)
        if message.is_error:
            block["is_error"] = True
        if message.cache_control is not None:
            block["cache_control"] = message.cache_control
        if self._results is None:
            self._results = [block]
            self._say("user", self._results)
        else:
            self._results.append(block)

    def _blocks(self, message: Message, index: int, *, mark: bool = True) -> list[Json]:
        blocks = blocks_of(message.content, f"messages[{index}].content", self._remarks)
        if mark and blocks and message.cache_control is not None:
            blocks[-1]["cache_control"] = message.cache_control
        return blocks

    def _say(self, role: str, blocks: list[Json]) -> None:
        self.messages.append({"role": role, "content": _plainest(blocks)})


def _plainest(blocks: list[Json]) -> str | list[Json]:
    """Return one unmarked text as the string that stands for it, else the blocks."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        text: str = blocks[0]["text"]
        return text
    return blocks


def _tool_use(call: ToolCall, place: str) -> Json:
    function = call.function
    if function is None:
        raise invalid(f"{place}.type", "only functions can be called")
    arguments = arguments_of(function.arguments, f"{place}.function.arguments")
    return {
        "type": "tool_use",
        "id": tool_id(call.id),
        "name": function.name,
        # As it was written: numbers keep their digits, and what was cached is found again.
        "input": msgspec.Raw(function.arguments.encode()) if arguments else {},
    }


def tool_id(id_: str) -> str:
    """Return an id that Anthropic takes, `^[a-zA-Z0-9_-]+$`; other providers' have other signs."""
    if _GOOD_ID.fullmatch(id_):
        return id_
    return _BAD_SIGN.sub(lambda sign: f"_{ord(sign[0]):x}_", id_) or "_"


_ROLES: Mapping[str, Callable[[_Reading, Message, int], None]] = {
    "system": _Reading.instruct,
    "developer": _Reading.instruct,
    "user": _Reading.ask,
    "assistant": _Reading.answer,
    "tool": _Reading.result,
}
