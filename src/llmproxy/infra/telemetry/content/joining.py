"""From the events of a stream to the answer that it would have been in one piece."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from llmproxy.infra.telemetry.content.parts import Json, listed, word
from llmproxy.infra.telemetry.content.reading import COMPLETE, TEXTS, events

TEXT_DELTA: Final = "response.output_text.delta"
REFUSAL_DELTA: Final = "response.refusal.delta"
DELTAS: Final = {TEXT_DELTA: ("output_text", "text"), REFUSAL_DELTA: ("refusal", "refusal")}
BEGUN: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"


def joined(raw: bytes) -> Json:
    """Return the answer; what is missing at the end of a stream that broke off is missing there."""
    choices: dict[int, _Choice] = {}
    response = _Response()
    for event in events(raw):
        response.take(event)
        for choice in listed(event.get("choices")):
            number = choice.get("index")
            at = number if isinstance(number, int) else 0
            choices.setdefault(at, _Choice()).take(choice)
    if choices:
        return {"choices": [choice.whole() for choice in choices.values()]}
    return response.whole()


class _Choice:
    """One choice of a chat completion or of a completion."""

    def __init__(self) -> None:
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._calls: dict[int, _Call] = {}
        self._function: _Call | None = None
        """The one call of the older kind, `function_call`."""
        self._reason: object = None

    def take(self, choice: Json) -> None:
        """Take what a chunk says of it."""
        self._reason = choice.get("finish_reason") or self._reason
        self._add(choice, ("text",))
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        self._add(delta, TEXTS)
        if isinstance(delta.get("audio"), dict):
            self._add(delta["audio"], ("transcript",))
        for call in listed(delta.get("tool_calls")):
            number = call.get("index")
            at = number if isinstance(number, int) else 0
            self._calls.setdefault(at, _Call()).take(call)
        if isinstance(delta.get("function_call"), dict):
            self._function = self._function or _Call()
            self._function.take({"function": delta["function_call"]})

    def _add(self, said: Json, names: Iterable[str]) -> None:
        for name in names:
            piece = word(said.get(name))
            if piece is not None:
                self._texts[name].append(piece)

    def whole(self) -> Json:
        """Return it as in an answer in one piece."""
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message: Json = {name: text for name, text in texts.items() if name in TEXTS}
        if "transcript" in texts:
            message["audio"] = {"transcript": texts["transcript"]}
        message["tool_calls"] = [call.whole() for call in self._calls.values()]
        if self._function is not None:
            message["function_call"] = self._function.whole()["function"]
        return {"text": texts.get("text"), "message": message, "finish_reason": self._reason}


class _Call:
    """A call of a tool, in pieces."""

    def __init__(self) -> None:
        self._id: object = None
        self._name: object = None
        self._arguments: list[str] = []

    def take(self, call: Json) -> None:
        """Take what a chunk says of it."""
        self._id = call.get("id") or self._id
        said = call.get("function") or call.get("custom")
        if isinstance(said, dict):
            self._name = said.get("name") or self._name
            piece = word(said.get("arguments")) or word(said.get("input"))
            if piece is not None:
                self._arguments.append(piece)

    def whole(self) -> Json:
        """Return it as in an answer in one piece."""
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {"id": self._id, "function": function}


class _Response:
    """A response: the one of the last event, else what is known of its items."""

    def __init__(self) -> None:
        self._response: Json | None = None
        self._items: dict[object, Json] = {}
        self._pieces: defaultdict[object, defaultdict[tuple[str, str], list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def take(self, event: Json) -> None:
        """Take what an event says of it."""
        kind = word(event.get("type"))
        if kind in COMPLETE and isinstance(event.get("response"), dict):
            self._response = event["response"]
            return
        at = str(event.get("output_index"))
        if kind in (BEGUN, DONE) and isinstance(event.get("item"), dict):
            self._items[at] = event["item"]
            if kind == DONE:
                self._pieces.pop(at, None)
        elif kind in DELTAS and word(event.get("delta")) is not None:
            self._pieces[at][DELTAS[kind]].append(event["delta"])

    def whole(self) -> Json:
        """Return it as in an answer in one piece."""
        if self._response is not None:
            return self._response
        items = dict(self._items)
        for at, texts in self._pieces.items():
            content = [
                {"type": kind, name: "".join(pieces)} for (kind, name), pieces in texts.items()
            ]
            items[at] = {"type": "message", "role": "assistant", "content": content}
        return {"output": list(items.values())}
