"""The items of an output while they are said: begun, filled piece by piece, and done.

Shapes: openai-python 3.57.0 `types/responses/response_output_message.py`,
`response_reasoning_item.py`, `response_function_tool_call_item.py`. `extra_content` is a field
of the chat's (Google's place for signatures), kept on the item that it belongs to. Clients that
know OpenAI's fields only lose it there, so a reasoning item before a call holds it as well.
"""

from abc import abstractmethod
from typing import Any, Protocol

from typing_extensions import override

from llmproxy.infra.providers.responses_over_chat.event_writer import DeltaOpening, EventWriter
from llmproxy.infra.providers.responses_over_chat.signatures import (
    VERSION,
    Signed,
    ThinkingBlocks,
    sealed,
)
from llmproxy.infra.providers.translated.chat_request import JsonDict


class Saying(Protocol):
    """An item that has been begun."""

    @abstractmethod
    def done(self, status: str) -> JsonDict:
        """Write its last events but `output_item.done`, and return it whole."""


class Text:
    """One text in pieces, with the events of its kind from the first delta to `done`."""

    def __init__(self, writer: EventWriter, kind: str, where: JsonDict) -> None:
        self._writer = writer
        self._kind = kind
        self._where = where
        self._field = "refusal" if kind == "refusal" else "text"
        self._logged = kind == "output_text"
        self._opening = DeltaOpening(kind, where, logprobs=self._logged)
        self._pieces: list[str] = []
        self.logprobs: list[Any] = []

    def say(self, piece: str, logprobs: list[Any] | None = None) -> None:
        """Say a piece."""
        self._pieces.append(piece)
        if logprobs:
            self.logprobs += logprobs
        self._writer.delta(self._opening, piece, logprobs or None)

    def done(self) -> str:
        """Return the whole."""
        text = "".join(self._pieces)
        fields = {**self._where, self._field: text}
        if self._logged:
            fields["logprobs"] = self.logprobs
        self._writer.event(f"{self._kind}.done", fields)
        return text


class Message(Saying):
    """A message of the model's: texts and refusals."""

    def __init__(self, writer: EventWriter, index: int, id_: str) -> None:
        self._writer = writer
        self._index = index
        self._content: list[JsonDict] = []
        self._text: Text | None = None
        self._annotations: list[JsonDict] = []
        self._kind = ""
        self.extra_content: JsonDict | None = None
        self._item: JsonDict = {
            "id": id_,
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        writer.event("output_item.added", {"output_index": index, "item": self._item})

    def say(self, kind: str, piece: str, logprobs: list[Any] | None = None) -> None:
        """Say a piece of an `output_text` or a `refusal`."""
        if kind == self._kind and self._text is not None:
            self._text.say(piece, logprobs)
        else:
            self._part(kind).say(piece, logprobs)

    def begin(self, kind: str) -> None:
        """Begin a part of this kind, which may stay empty."""
        if kind != self._kind:
            self._part(kind)

    def annotate(self, annotations: list[JsonDict]) -> None:
        """Note sources of the text."""
        self.begin("output_text")
        for annotation in annotations:
            fields = self._where() | {
                "annotation_index": len(self._annotations),
                "annotation": annotation,
            }
            self._writer.event("output_text.annotation.added", fields)
            self._annotations.append(annotation)

    def _where(self) -> JsonDict:
        return {
            "item_id": self._item["id"],
            "output_index": self._index,
            "content_index": len(self._content),
        }

    def _part(self, kind: str) -> Text:
        self._end_part()
        self._kind = kind
        where = self._where()
        self._writer.event("content_part.added", {**where, "part": _part(kind, "", [], [])})
        text = self._text = Text(self._writer, kind, where)
        return text

    def _end_part(self) -> None:
        text = self._text
        if text is None:
            return
        where = self._where()
        part = _part(self._kind, text.done(), self._annotations, text.logprobs)
        self._writer.event("content_part.done", {**where, "part": part})
        self._content.append(part)
        self._text = None
        self._annotations = []

    @override
    def done(self, status: str) -> JsonDict:
        self._end_part()
        item = {**self._item, "status": status, "content": self._content}
        if self.extra_content:
            item["extra_content"] = self.extra_content
        return item


class Reasoning(Saying):
    """What the model thought: its text, and what it signed. `model` is the one that was asked.

    The text is content of the item, or its summary when the client asked for summaries.
    """

    def __init__(
        self, writer: EventWriter, index: int, id_: str, model: str, *, summarized: bool
    ) -> None:
        self._writer = writer
        self._index = index
        self._model = model
        self._summarized = summarized
        self._text: Text | None = None
        self.blocks = ThinkingBlocks()
        self.calls: dict[str, JsonDict] = {}
        self.extra_content: JsonDict | None = None
        self._item: JsonDict = {"id": id_, "type": "reasoning", "summary": []}
        begun = {**self._item, "status": "in_progress"}
        writer.event("output_item.added", {"output_index": index, "item": begun})

    def say(self, piece: str) -> None:
        """Say a piece of the text."""
        if self._text is None:
            where, part = self._where(), self._part("")
            if self._summarized:
                self._writer.event("reasoning_summary_part.added", {**where, "part": part})
                self._text = Text(self._writer, "reasoning_summary_text", where)
            else:
                self._writer.event("content_part.added", {**where, "part": part})
                self._text = Text(self._writer, "reasoning_text", where)
        self._text.say(piece)

    def _where(self) -> JsonDict:
        number = "summary_index" if self._summarized else "content_index"
        return {"item_id": self._item["id"], "output_index": self._index, number: 0}

    def _part(self, text: str) -> JsonDict:
        return {"type": "summary_text" if self._summarized else "reasoning_text", "text": text}

    @override
    def done(self, status: str) -> JsonDict:
        item = dict(self._item)
        if self._text is not None:
            part = self._part(self._text.done())
            kind = "reasoning_summary_part.done" if self._summarized else "content_part.done"
            self._writer.event(kind, {**self._where(), "part": part})
            item["summary" if self._summarized else "content"] = [part]
        blocks, further = self.blocks.blocks, self.extra_content
        signed = sealed(Signed(VERSION, self._model, blocks, self.calls, further))
        if signed is not None:
            item["encrypted_content"] = signed
        item["status"] = status
        return item


class FunctionCall(Saying):
    """A call of a function."""

    def __init__(self, writer: EventWriter, index: int, item: JsonDict) -> None:
        """`item` holds `id`, `call_id` and `name`, and what else came with them."""
        self._writer = writer
        self._where: JsonDict = {"item_id": item["id"], "output_index": index}
        self.extra_content: JsonDict | None = item.pop("extra_content", None)
        self._item = {"id": item["id"], "type": "function_call", "status": "in_progress"} | item
        self._pieces: list[str] = []
        self._opening = DeltaOpening("function_call_arguments", self._where)
        added = {**self._item, "arguments": ""}
        writer.event("output_item.added", {"output_index": index, "item": added})

    def say(self, piece: str) -> None:
        """Go on with the arguments."""
        self._pieces.append(piece)
        self._writer.delta(self._opening, piece)

    @override
    def done(self, status: str) -> JsonDict:
        arguments = "".join(self._pieces)
        said = {**self._where, "name": self._item["name"], "arguments": arguments}
        self._writer.event("function_call_arguments.done", said)
        item = {**self._item, "status": status, "arguments": arguments}
        if self.extra_content:
            item["extra_content"] = self.extra_content
        return item


def _part(kind: str, text: str, annotations: list[JsonDict], logprobs: list[Any]) -> JsonDict:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": kind, "text": text, "annotations": annotations, "logprobs": logprobs}
