"""From the bytes of an answer to a JSON value that can be redacted as a whole.

Deltas of a stream are joined before anything is looked for: an address that is spread over two
events must not get past.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_PARSED_BYTES: Final = 1024 * 1024
"""Of one body, as of an answer in pieces; redacting more would hold up the rest of the process for
too long: `re` keeps the interpreter until it is through with a text."""
COMPLETE: Final = frozenset(("response.completed", "response.incomplete", "response.failed"))
TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
_decode: Final = msgspec.json.Decoder().decode


def read_json(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value, or the text when it is none."""
    if len(raw) > MAX_PARSED_BYTES:
        return f"[{len(raw)} bytes]"
    try:
        return _decode(raw)
    except UNREADABLE:
        return raw.decode("utf-8", "replace")


def read_events(raw: bytes) -> dict[str, Any]:
    """Return what a stream came to: `events`, how many, and its texts, each joined.

    A response of the Responses API stands in `response` as its last event has it.
    """
    found = list(events(raw))
    joined: dict[str, Any] = {"events": len(found)}
    choices: defaultdict[str, list[str]] = defaultdict(list)
    for event in found:
        if event.get("type") in COMPLETE and isinstance(event.get("response"), dict):
            joined["response"] = event["response"]
        if event.get("error"):
            joined["error"] = event["error"]
        for name, text in _texts(event):
            choices[name].append(text)
    if "response" not in joined and choices:
        joined["texts"] = {name: "".join(texts) for name, texts in choices.items()}
    return joined


def events(raw: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream that are objects."""
    for line in raw.splitlines():
        if not line.startswith(b"data:"):
            continue
        try:
            event = _decode(line[5:])
        except UNREADABLE:
            continue  # the last one may be cut off, and [DONE] is none
        if isinstance(event, dict):
            yield event


def _texts(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pieces of texts in an event, by the name of the text that they belong to."""
    kind = event.get("type")
    if isinstance(kind, str) and isinstance(event.get("delta"), str):
        place = ".".join(str(event[at]) for at in ("output_index", "content_index") if at in event)
        yield f"{kind.removesuffix('.delta')} {place}".rstrip(), event["delta"]
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            yield from _of_choice(choice)


def _of_choice(choice: dict[str, Any]) -> Iterator[tuple[str, str]]:
    number = choice.get("index", 0)
    if isinstance(choice.get("text"), str):
        yield f"{number} text", choice["text"]
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return
    for name in TEXTS:
        if isinstance(delta.get(name), str):
            yield f"{number} {name}", delta[name]
    yield from _of_tools(number, delta.get("tool_calls"))


def _of_tools(number: object, calls: object) -> Iterator[tuple[str, str]]:
    for call in calls if isinstance(calls, Iterable) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            for name in ("name", "arguments"):
                if isinstance(function.get(name), str):
                    yield f"{number} tool {call.get('index', 0)} {name}", function[name]
