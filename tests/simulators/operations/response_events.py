"""The events of a response, in OpenAI's order and with its sequence numbers.

Types and fields: OpenAI's API description 2.3.0, ResponseStreamEvent.
"""

from collections.abc import Iterator
from typing import Any

from tests.simulators.model import tokens_of

Event = dict[str, Any]


def events_of(response: Event) -> list[Event]:
    """Everything from `response.created` to what says how it ended."""
    return [
        {"type": each.pop("type"), "sequence_number": number, **each}
        for number, each in enumerate(_events(response))
    ]


def _events(response: Event) -> Iterator[Event]:
    begun = response | {"status": "in_progress", "output": [], "usage": None, "error": None}
    yield {"type": "response.created", "response": begun}
    if response["background"]:
        yield {"type": "response.queued", "response": begun | {"status": "queued"}}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        begun_item = item | {"status": "in_progress"} if "status" in item else item
        empty = {"content": [], "arguments": ""}
        begun_item = {name: empty.get(name, value) for name, value in begun_item.items()}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun_item}
        yield from _inside(item, index)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _inside(item: Event, index: int) -> Iterator[Event]:
    where = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        arguments = item["arguments"]
        for piece in (arguments[:5], arguments[5:]):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        done = {"name": item["name"], "arguments": arguments}
        yield {"type": "response.function_call_arguments.done", **where, **done}
    for number, part in enumerate(item.get("content") or []):
        at = where | {"content_index": number}
        yield {"type": "response.content_part.added", **at, "part": part | {"text": ""}}
        for token in tokens_of(part["text"]):
            yield {"type": "response.output_text.delta", **at, "delta": token, "logprobs": []}
        text = part["text"]
        yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
        yield {"type": "response.content_part.done", **at, "part": part}
