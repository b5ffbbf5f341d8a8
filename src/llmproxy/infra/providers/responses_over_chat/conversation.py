"""Input items, put together to the messages of a chat.

What a model says in one turn are several items here (reasoning, messages, calls) and one message
there. Items: openai-python 3.57.0 `types/responses/response_input_item_param.py`.
"""

from typing import NamedTuple

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.responses_over_chat.input_parts import Part, chat_content, missing
from llmproxy.infra.providers.responses_over_chat.signatures import Signed, opened
from llmproxy.infra.providers.translated.chat_request import JsonDict, invalid
from llmproxy.infra.wire.unreadable import UNREADABLE

ROLES = frozenset(("user", "system", "developer", "assistant"))
HINTS = {"item_reference": "This model keeps no items: send the item itself in `input`."}
MISMATCH, BOUNDARY = "model_mismatch", "turn_boundary"
"""Why reasoning is withheld from a model, in OpenAI's words (`types/responses/response.py`)."""


class Item(msgspec.Struct):
    """An input item of any type."""

    type: str | None = None
    id: str | None = None
    role: str | None = None
    content: str | list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[Part] | None = None
    extra_content: JsonDict | None = None


class Withheld(NamedTuple):
    """A reasoning item that the model does not get: where it stands, its id and why."""

    at: str
    id: str | None
    reason: str


class _Thought(NamedTuple):
    at: str
    id: str | None
    text: str


class Place(NamedTuple):
    """Where a message comes from, and each of its calls."""

    at: str
    calls: list[str]


_items = msgspec.json.Decoder(str | list[msgspec.Raw])
_item = msgspec.json.Decoder(Item)


class Conversation:
    """`messages` and, as long, `places`; complete after `close`. `model` is the one asked."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.messages: list[JsonDict] = []
        self.places: list[Place] = []
        self.withheld: list[Withheld] = []
        self._signatures: dict[str, JsonDict] = {}
        self._turn: JsonDict | None = None
        self._thoughts: list[_Thought] = []

    def instruct(self, text: str) -> None:
        """Begin with instructions."""
        self._say({"role": "system", "content": text}, "instructions")

    def read(self, text: bytes) -> None:
        """Take the whole `input`. Raises InvalidRequest naming the item at fault."""
        try:
            given = _items.decode(text)
        except UNREADABLE as error:
            raise invalid("input", str(error)) from error
        if isinstance(given, str):
            self._say({"role": "user", "content": given}, "input")
            return
        for number, raw in enumerate(given):
            at = f"input[{number}]"
            self._take(_read(raw, at), at)
        self.close()

    def close(self) -> None:
        """End the model's turn, if it is at one."""
        turn, self._turn = self._turn, None
        thoughts, self._thoughts = self._thoughts, []
        if turn is None:
            return
        if turn["content"] is None and "tool_calls" not in turn:
            self.messages.pop()
            self.places.pop()
            self.withheld += [Withheld(each.at, each.id, BOUNDARY) for each in thoughts]
            return
        thoughts = [each for each in thoughts if each.text]
        if thoughts and "tool_calls" in turn:
            turn["reasoning_content"] = "\n\n".join([each.text for each in thoughts])
        elif "thinking_blocks" not in turn:
            self.withheld += [Withheld(each.at, each.id, BOUNDARY) for each in thoughts]

    def _take(self, item: Item, at: str) -> None:
        kind = item.type or ("message" if item.role is not None else "")
        if kind == "message":
            self._message(item, at)
        elif kind == "reasoning":
            self._reasoning(item, at)
        elif kind == "function_call":
            self._call(item, at)
        elif kind == "function_call_output":
            self._output(item, at)
        else:
            raise InvalidRequest(
                f"Invalid value: '{kind[:100]}'. The model `{self._model}` cannot be given items"
                " of this type.",
                param=f"{at}.type",
                code="invalid_value",
                hint=HINTS.get(kind, ""),
            )

    def _say(self, message: JsonDict, at: str) -> None:
        self.close()
        self.messages.append(message)
        self.places.append(Place(at, []))

    def _speaking(self, at: str) -> JsonDict:
        """Return the message of the model's present turn."""
        if self._turn is None:
            turn: JsonDict = {"role": "assistant", "content": None}
            self._say(turn, at)
            self._turn = turn
        return self._turn

    def _message(self, item: Item, at: str) -> None:
        if item.role not in ROLES:
            raise invalid(f"{at}.role", f"'{str(item.role)[:100]}' is no role")
        spoken = item.role == "assistant"
        content = chat_content(item.content, f"{at}.content", spoken=spoken)
        if not spoken:
            self._say({"role": item.role, "content": content}, at)
            return
        turn = self._speaking(at)
        if turn["content"] is not None:
            if "tool_calls" not in turn:
                self.close()
                turn = self._speaking(at)
            else:
                content = [*_parts(turn["content"]), *_parts(content)]
        turn["content"] = content
        if item.extra_content is not None:
            turn["extra_content"] = item.extra_content

    def _call(self, item: Item, at: str) -> None:
        for name in ("call_id", "name", "arguments"):
            if getattr(item, name) is None:
                raise missing(f"{at}.{name}")
        function = {"name": item.name, "arguments": item.arguments}
        call: JsonDict = {"id": item.call_id, "type": "function", "function": function}
        signature = item.extra_content or self._signatures.get(str(item.call_id))
        if signature is not None:
            call["extra_content"] = signature
        self._speaking(at).setdefault("tool_calls", []).append(call)
        self.places[-1].calls.append(at)

    def _output(self, item: Item, at: str) -> None:
        if item.call_id is None:
            raise missing(f"{at}.call_id")
        content = chat_content(item.output, f"{at}.output")
        self._say({"role": "tool", "tool_call_id": item.call_id, "content": content}, at)

    def _reasoning(self, item: Item, at: str) -> None:
        """Keep what the model signed for its own message, and its text for its own calls.

        Reasoning of another model is withheld, as OpenAI does.
        """
        signed: Signed | None = None
        if item.encrypted_content:
            signed = opened(item.encrypted_content)
            if signed is None or signed.model != self._model:
                self.withheld.append(Withheld(at, item.id, MISMATCH))
                return
        parts = item.content if isinstance(item.content, list) and item.content else item.summary
        text = "\n\n".join(part.text for part in parts or [] if part.text)
        turn = self._speaking(at)
        self._thoughts.append(_Thought(at, item.id, text))
        if signed is None:
            return
        self._signatures |= signed.calls
        if signed.thinking_blocks:
            turn.setdefault("thinking_blocks", []).extend(signed.thinking_blocks)
        if signed.extra_content is not None:
            turn["extra_content"] = signed.extra_content


def _read(raw: msgspec.Raw, at: str) -> Item:
    try:
        return _item.decode(raw)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$")
        place = at + path.rstrip("`").replace("[...]", "[]")
        raise invalid(place, f"{words[0].lower()}{words[1:]}", code="invalid_type") from error
    except UNREADABLE as error:
        raise invalid(at, str(error)) from error


def _parts(content: str | list[JsonDict]) -> list[JsonDict]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
