"""A chat completion that was kept in one form, in the other.

Nothing is invented and nothing is left out: an answer with a field that is not named here is not
converted. Shapes: openai-python `types/chat/chat_completion.py`, `chat_completion_chunk.py`, and
what Azure adds to both (learn.microsoft.com, "Content filtering").
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from llmproxy.infra.wire.event_stream import data_in

NULL: Final = msgspec.Raw(b"null")
NO_FILTER: Final = (b"null", b"{}")
_encode = msgspec.json.Encoder().encode


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A field that is not named is a reason not to convert."""


class _Function(_Strict):
    name: str | None = None
    arguments: str | None = None


class _Call(_Strict):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _Message(_Strict):
    """A message, or what a chunk adds to it."""

    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None
    annotations: list[msgspec.Raw] | None = None
    audio: None = None
    function_call: None = None


class _Logprobs(_Strict):
    content: list[msgspec.Raw] | None = None
    refusal: list[msgspec.Raw] | None = None


class _Choice(_Strict):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None
    content_filter_results: msgspec.Raw = NULL


class _Completion(_Strict):
    """A completion, or a chunk of one."""

    id: str
    created: int
    model: str
    object: str = ""
    choices: list[_Choice] = []
    usage: msgspec.Raw = NULL
    service_tier: msgspec.Raw = NULL
    system_fingerprint: msgspec.Raw = NULL
    prompt_filter_results: msgspec.Raw = NULL
    obfuscation: str | None = None


class _Options(_Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


_completion = msgspec.json.Decoder(_Completion).decode
_one_line = msgspec.json.format
_options = msgspec.json.Decoder(_Options).decode


def chat_events(whole: bytes, options: bytes) -> bytes | None:
    """Return the events of a completion: each text in one piece. Raises msgspec.DecodeError."""
    asked = _options(options) if options else _Options()
    # An event's data is one line, and OpenAI writes whole answers on several.
    said = _completion(_one_line(whole, indent=-1))
    usage = bytes(said.usage)
    if asked.include_obfuscation or (asked.include_usage and usage == b"null"):
        return None
    if any(each.message is None or each.message.annotations for each in said.choices):
        return None
    before = _encode(_head(said))[:-1]
    after = b',"usage":null}\n\n' if asked.include_usage else b"}\n\n"
    events = []
    if bytes(said.prompt_filter_results) not in {b"null", b"[]"}:
        filters = b',"choices":[],"prompt_filter_results":' + bytes(said.prompt_filter_results)
        events.append(b"data: " + before + filters + after)
    events += [
        b'data: %b,"choices":[%b]%b' % (before, _encode(part), after)
        for choice in said.choices
        for part in _parts(choice)
    ]
    if asked.include_usage:
        events.append(b'data: %b,"choices":[],"usage":%b}\n\n' % (before, usage))
    return b"".join(events)


def _head(said: _Completion) -> dict[str, Any]:
    head: dict[str, Any] = {
        "id": said.id,
        "object": "chat.completion.chunk",
        "created": said.created,
        "model": said.model,
    }
    return head | _given(said, "service_tier", "system_fingerprint")


def _given(said: _Completion, *names: str) -> dict[str, Any]:
    values = {name: getattr(said, name) for name in names}
    return {name: value for name, value in values.items() if bytes(value) != b"null"}


def _parts(choice: _Choice) -> Iterator[dict[str, Any]]:
    """Yield the choice of each chunk: the role, what was said, why it ends."""
    message = choice.message or _Message()
    yield _part(choice, {"role": message.role or "assistant", "content": ""})
    logprobs = choice.logprobs
    if message.reasoning_content:
        yield _part(choice, {"reasoning_content": message.reasoning_content})
    for name in ("content", "refusal"):
        items = None if logprobs is None else getattr(logprobs, name)
        text = getattr(message, name)
        if text or items:
            said = None if items is None else {"content": None, "refusal": None, name: items}
            yield _part(choice, {name: text or ""}, logprobs=said)
    for index, call in enumerate(message.tool_calls or ()):
        yield _part(choice, {"tool_calls": [_tool(index, call)]})
    last = _part(choice, {}, finish_reason=choice.finish_reason)
    if bytes(choice.content_filter_results) not in NO_FILTER:
        last["content_filter_results"] = choice.content_filter_results
    yield last


def _part(choice: _Choice, delta: dict[str, Any], **further: Any) -> dict[str, Any]:  # noqa: ANN401
    plain = {"index": choice.index, "delta": delta, "logprobs": None, "finish_reason": None}
    return plain | further


def _tool(index: int, call: _Call) -> dict[str, Any]:
    function = call.function or _Function()
    said = {"name": function.name, "arguments": function.arguments}
    return {"index": index, "id": call.id, "type": call.type or "function", "function": said}


class _Gathered:
    """One choice, put together."""

    def __init__(self) -> None:
        self.role = "assistant"
        self.texts: dict[str, str] = {}
        self.logprobs: dict[str, list[msgspec.Raw]] = {}
        self.calls: dict[int, dict[str, Any]] = {}
        self.finish: str | None = None
        self.filters: bytes | None = None

    def hear(self, choice: _Choice) -> bool:
        """Take what a chunk adds; False where that cannot be put into one piece."""
        delta = choice.delta or _Message()
        self.role = delta.role or self.role
        for name in ("content", "refusal", "reasoning_content"):
            text = getattr(delta, name)
            if text is not None:
                self.texts[name] = self.texts.get(name, "") + text
        for name in ("content", "refusal"):
            items = None if choice.logprobs is None else getattr(choice.logprobs, name)
            if items is not None:
                self.logprobs.setdefault(name, []).extend(items)
        self.finish = choice.finish_reason or self.finish
        filters = bytes(choice.content_filter_results)
        if filters not in NO_FILTER:
            if self.filters not in {None, filters}:
                return False
            self.filters = filters
        return all(self._call(call) for call in delta.tool_calls or ()) and not delta.annotations

    def _call(self, heard: _Call) -> bool:
        if heard.index is None or heard.type not in {None, "function"}:
            return False
        call = self.calls.setdefault(
            heard.index, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = heard.id or call["id"]
        function = heard.function or _Function()
        call["function"]["name"] += function.name or ""
        call["function"]["arguments"] += function.arguments or ""
        return True

    def choice(self, index: int) -> dict[str, Any]:
        """Return the choice in one piece."""
        texts = self.texts
        content = texts.get("content")
        message: dict[str, Any] = {
            "role": self.role,
            "content": None if not content and (self.calls or texts.get("refusal")) else content,
            "refusal": texts.get("refusal") or None,
        }
        if texts.get("reasoning_content"):
            message["reasoning_content"] = texts["reasoning_content"]
        if self.calls:
            message["tool_calls"] = [self.calls[at] for at in sorted(self.calls)]
        said = {"content": None, "refusal": None, **self.logprobs} if self.logprobs else None
        whole = {
            "index": index,
            "message": message,
            "logprobs": said,
            "finish_reason": self.finish,
        }
        if self.filters is not None:
            whole["content_filter_results"] = msgspec.Raw(self.filters)
        return whole


def whole_chat(events: bytes) -> bytes | None:
    """Return a completion in one piece. Raises msgspec.DecodeError.

    None where the events do not tell its usage, which every such completion does.
    """
    choices: dict[int, _Gathered] = {}
    whole: dict[str, Any] = {}
    for data in data_in(events):
        chunk = _completion(data)
        if not whole.get("id"):  # Azure's first chunk tells of the prompt alone, without an id
            whole |= _head(chunk)
        whole |= _given(
            chunk, "usage", "service_tier", "system_fingerprint", "prompt_filter_results"
        )
        for choice in chunk.choices:
            if not choices.setdefault(choice.index, _Gathered()).hear(choice):
                return None
    if "usage" not in whole or any(each.finish is None for each in choices.values()):
        return None
    whole["object"] = "chat.completion"
    whole["choices"] = [choices[index].choice(index) for index in sorted(choices)]
    return _encode(whole)
