"""Messages as these vendors take them, without what clients send back of OpenAI's answers."""

import hashlib
import re

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.near_openai.manners import Manners
from llmproxy.infra.providers.translated.chat_request import (
    JsonDict,
    Message,
    Part,
    ToolCall,
    invalid,
    messages_of,
)

ROLES = frozenset(("system", "user", "assistant", "tool"))
SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")
NAMES = "messages[].name"
REASONING = "messages[].reasoning_content"


class Conversation:
    """The messages of one request; `dropped` names what these vendors have no place for."""

    def __init__(self, call: Call, manners: Manners) -> None:
        self._manners = manners
        self._dropped: dict[str, None] = {}
        self.messages = [self._message(each, at) for at, each in enumerate(messages_of(call))]

    @property
    def dropped(self) -> tuple[str, ...]:
        """What of the messages is not sent."""
        return tuple(self._dropped)

    def _message(self, message: Message, at: int) -> JsonDict:
        role = "system" if message.role == "developer" else message.role
        if role not in ROLES:
            raise invalid(f"messages[{at}].role", f"'{message.role[:50]}' is no role of this model")
        made: JsonDict = {"role": role, "content": self._content(message, at)}
        if role == "tool":
            if message.tool_call_id is None:
                raise invalid(f"messages[{at}].tool_call_id", "it is missing")
            made["tool_call_id"] = self._id(message.tool_call_id)
        elif message.name is not None:
            self._dropped[NAMES] = None
        if message.tool_calls:
            made["tool_calls"] = [self._call(each, at) for each in message.tool_calls]
        if message.reasoning_content:
            self._dropped[REASONING] = None
        return made

    def _content(self, message: Message, at: int) -> str | list[JsonDict]:
        content = message.content
        if content is None:
            return message.refusal or ""
        if isinstance(content, str):
            return content
        parts = [
            self._part(part, f"messages[{at}].content[{number}]")
            for number, part in enumerate(content)
        ]
        if self._manners.parts:
            return parts
        return "\n".join(part["text"] for part in parts)

    def _part(self, part: Part, place: str) -> JsonDict:
        if part.type in {"text", "refusal"}:
            return {"type": "text", "text": part.text or part.refusal or ""}
        if part.type not in self._manners.parts or part.image_url is None:
            raise invalid(
                f"{place}.type",
                f"'{part.type[:50]}' cannot be read by this model",
                code="unsupported_value",
            )
        image = part.image_url
        if isinstance(image, str):
            return {"type": "image_url", "image_url": image}
        detail = {} if image.detail is None else {"detail": image.detail}
        return {"type": "image_url", "image_url": {"url": image.url, **detail}}

    def _call(self, call: ToolCall, at: int) -> JsonDict:
        if call.function is None:
            raise invalid(f"messages[{at}].tool_calls", "only functions can be called")
        function = {"name": call.function.name, "arguments": call.function.arguments or "{}"}
        return {"id": self._id(call.id), "type": "function", "function": function}

    def _id(self, id_: str) -> str:
        """Return an id that the vendor takes; the same for a call and for its result."""
        if not self._manners.short_ids or SHORT_ID.fullmatch(id_):
            return id_
        return hashlib.sha256(id_.encode("utf-8", "replace")).hexdigest()[:9]
