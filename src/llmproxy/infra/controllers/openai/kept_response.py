"""A response that was kept in one form, in the other.

Types and fields of events: OpenAI's API description 2.3.0, ResponseStreamEvent. Each text comes in
one delta; items of other kinds than those named here are not converted.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from llmproxy.infra.wire.event_stream import data_in

LAST: Final = frozenset({"response.completed", "response.incomplete"})
UNSAID: Final[Mapping[str, object]] = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "incomplete_details": None,
    "completed_at": None,
}
"""A response as it is before anything was said."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Event(msgspec.Struct):
    type: str = ""
    response: msgspec.Raw = msgspec.Raw(b"null")


class _Output(msgspec.Struct):
    status: str
    output: list[msgspec.Raw]


_event = msgspec.json.Decoder(_Event).decode
_output = msgspec.json.Decoder(_Output).decode


def whole_response(events: bytes) -> bytes | None:
    """Return the response that the last event holds. Raises msgspec.DecodeError."""
    last = None
    for data in data_in(events):
        event = _event(data)
        if event.type in LAST and bytes(event.response) != b"null":
            last = bytes(event.response)
    return last


def response_events(whole: bytes) -> bytes | None:
    """Return the events of a response. Raises msgspec.DecodeError."""
    # An event's data is one line, and OpenAI writes whole answers on several.
    whole = msgspec.json.format(whole, indent=-1)
    said = _output(whole)
    written = _Events()
    fields = _fields(whole)
    empty = {name: text for name, text in UNSAID.items() if name in fields}
    begun = _encode(fields | empty)
    written.write("created", response=msgspec.Raw(begun))
    written.write("in_progress", response=msgspec.Raw(begun))
    for index, item in enumerate(said.output):
        if not written.item(index, bytes(item)):
            return None
    written.write(said.status, response=msgspec.Raw(whole))
    return b"".join(written.events)


class _Events:
    """Events, numbered from 0."""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def write(self, kind: str, **fields: object) -> None:
        """Write an event of the type `response.<kind>`."""
        type_ = f"response.{kind}"
        data = _encode({"type": type_, "sequence_number": len(self.events), **fields})
        self.events.append(b"event: %b\ndata: %b\n\n" % (type_.encode("ascii"), data))

    def item(self, index: int, text: bytes) -> bool:
        """Write the events of an output item; False for a kind that has others."""
        item: dict[str, Any] = _decode(text)
        parts = {"message": self._message, "function_call": self._call, "reasoning": self._thought}
        part = parts.get(item.get("type", ""))
        if part is None or not isinstance(item.get("id"), str):
            return False
        at = {"output_index": index, "item_id": item["id"]}
        empty = {name: _emptied(name, value) for name, value in item.items()}
        self.write("output_item.added", output_index=index, item=empty)
        if not part(item, at):
            return False
        self.write("output_item.done", output_index=index, item=msgspec.Raw(text))
        return True

    def _message(self, item: dict[str, Any], at: dict[str, Any]) -> bool:
        for number, part in enumerate(item.get("content") or ()):
            here = at | {"content_index": number}
            kind = part.get("type")
            if kind == "output_text":
                self._text(part, here)
            elif kind == "refusal":
                said = part.get("refusal", "")
                self.write("content_part.added", **here, part=part | {"refusal": ""})
                self.write("refusal.delta", **here, delta=said)
                self.write("refusal.done", **here, refusal=said)
                self.write("content_part.done", **here, part=part)
            else:
                return False
        return True

    def _text(self, part: dict[str, Any], here: dict[str, Any]) -> None:
        logprobs = part.get("logprobs") or []
        bare = {"text": "", "annotations": []}
        if "logprobs" in part:
            bare["logprobs"] = []
        self.write("content_part.added", **here, part=part | bare)
        self.write("output_text.delta", **here, delta=part.get("text", ""), logprobs=logprobs)
        for number, annotation in enumerate(part.get("annotations") or ()):
            self.write(
                "output_text.annotation.added",
                **here,
                annotation_index=number,
                annotation=annotation,
            )
        self.write("output_text.done", **here, text=part.get("text", ""), logprobs=logprobs)
        self.write("content_part.done", **here, part=part)

    def _call(self, item: dict[str, Any], at: dict[str, Any]) -> bool:
        arguments = item.get("arguments", "")
        self.write("function_call_arguments.delta", **at, delta=arguments)
        named = {"name": item.get("name", "")}
        self.write("function_call_arguments.done", **at, **named, arguments=arguments)
        return True

    def _thought(self, item: dict[str, Any], at: dict[str, Any]) -> bool:
        if item.get("content"):
            return False
        for number, part in enumerate(item.get("summary") or ()):
            if part.get("type") != "summary_text":
                return False
            here = at | {"summary_index": number}
            said = part.get("text", "")
            self.write("reasoning_summary_part.added", **here, part=part | {"text": ""})
            self.write("reasoning_summary_text.delta", **here, delta=said)
            self.write("reasoning_summary_text.done", **here, text=said)
            self.write("reasoning_summary_part.done", **here, part=part)
        return True


def _emptied(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a field of an item as it is before anything was said."""
    if name == "status":
        return "in_progress"
    if name in {"content", "summary"}:
        return []
    return "" if name in {"arguments", "encrypted_content"} else value
