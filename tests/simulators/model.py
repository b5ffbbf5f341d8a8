"""What a simulated model 'thinks': a completion that depends on nothing but the request, so that
tests can predict it.

- The text answers the last user message: `Simulated answer to: <message>`; `count to 200` gives
200 words.
- With tools, the ones whose names stand in the message are called, else the first; after a `tool`
message it speaks.
- A JSON schema is answered with `example.example_of`.
- A token is a word with the space before it. `stop`, `max_tokens` and `n` do what they do at the
vendor.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.simulators.example import example_of

Body = dict[str, Any]

_REASONING_TOKENS = 64
_OUTPUT_FILTER_PHRASE = "trigger the output filter"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: either tokens of text or tool calls."""

    index: int
    tokens: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    reasoning: str = ""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole completion with its counts."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int


def complete(body: Body, *, model: str, thinks_aloud: bool = False) -> Completion:
    """The completion of a checked chat request. `thinks_aloud`: DeepSeek's `reasoning_content`
    beside the text.
    """
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode() + model.encode()).hexdigest()
    wanted = _wanted_tools(body)
    choices = tuple(
        _choice(body, index, wanted, digest, thinks_aloud=thinks_aloud)
        for index in range(body.get("n") or 1)
    )
    reasoning = _REASONING_TOKENS if is_reasoning(model) else 0
    said = sum(
        len(choice.tokens) + sum(len(tokens_of(c.arguments)) for c in choice.tool_calls)
        for choice in choices
    )
    return Completion(
        id="chatcmpl-" + digest[:29],
        model=model,
        choices=choices,
        prompt_tokens=sum(3 + len(tokens_of(text_of(message))) for message in body["messages"]) + 3,
        completion_tokens=said + reasoning,
        reasoning_tokens=reasoning,
    )


def is_reasoning(model: str) -> bool:
    """Whether the model is of a family that reasons (and refuses `max_tokens` and a
    temperature).
    """
    return re.match(r"o\d|gpt-5", model) is not None


def tokens_of(text: str) -> tuple[str, ...]:
    """The text in tokens; joined they are the text."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def text_of(message: Body) -> str:
    """A message's text, from a string or from content parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def last_text(body: Body) -> str:
    """The last user message's text."""
    return next((text_of(m) for m in reversed(body["messages"]) if m["role"] == "user"), "")


def _choice(
    body: Body, index: int, wanted: tuple[Body, ...], digest: str, *, thinks_aloud: bool
) -> Choice:
    if wanted:
        calls = tuple(_call(tool, f"{digest}{index}{number}") for number, tool in enumerate(wanted))
        return Choice(index, (), calls, "tool_calls")
    said = _said(body) + (f" (choice {index + 1})" if index else "")
    said, stopped = _up_to_stop(said, body.get("stop"))
    tokens = tokens_of(said)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(tokens)
    reason = "length" if len(tokens) > limit and not stopped else "stop"
    if _OUTPUT_FILTER_PHRASE in last_text(body):
        reason = "content_filter"
    reasoning = f"The user says: {last_text(body)}." if thinks_aloud else ""
    return Choice(index, tokens[:limit], (), reason, reasoning)


def _said(body: Body) -> str:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(example_of(wanted["json_schema"].get("schema", {})))
    if wanted.get("type") == "json_object":
        return json.dumps({"answer": last_text(body)})
    if body["messages"][-1]["role"] == "tool":
        return f"The tool said: {text_of(body['messages'][-1])}"
    count = re.search(r"count to (\d{1,6})", last_text(body), re.IGNORECASE)
    if count:
        return " ".join(str(number) for number in range(1, int(count[1]) + 1))
    return f"Simulated answer to: {last_text(body)}"


def _up_to_stop(text: str, stop: str | list[str] | None) -> tuple[str, bool]:
    """The text before the first stop sequence, and whether there was one."""
    sequences = [stop] if isinstance(stop, str) else stop or []
    ends = [at for at in (text.find(sequence) for sequence in sequences) if at >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def _wanted_tools(body: Body) -> tuple[Body, ...]:
    """The tools that get called."""
    functions = [
        tool["function"] for tool in body.get("tools") or [] if tool.get("type") == "function"
    ]
    choice = body.get("tool_choice") or "auto"
    if not functions or choice == "none" or body["messages"][-1]["role"] == "tool":
        return ()
    if isinstance(choice, dict):
        return tuple(f for f in functions if f["name"] == choice.get("function", {}).get("name"))
    named = [f for f in functions if f["name"] in last_text(body)] or functions[:1]
    return tuple(named[:1] if body.get("parallel_tool_calls") is False else named)


def _call(function: Body, seed: str) -> ToolCall:
    arguments = example_of(function.get("parameters") or {"type": "object"})
    number = hashlib.sha256(seed.encode()).hexdigest()[:24]
    return ToolCall(f"call_{number}", function["name"], json.dumps(arguments))
