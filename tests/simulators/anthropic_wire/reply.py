"""What Claude answers: `model.complete`'s completion, asked for in its few words and told in
Anthropic's blocks, so that a test expects the same of every wire.

In the last user text, for what a prompt cannot else bring about:

- `stop with pause_turn`, or another reason of `_REASONS`: the turn ends with that reason
- `say what you do`: text stands before the tools that are called
- Anthropic's two documented test strings: a refusal, redacted thinking
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.simulators.anthropic_wire.models import ClaudeModel
from tests.simulators.anthropic_wire.rules import thinking_kind
from tests.simulators.anthropic_wire.schemas import opened
from tests.simulators.anthropic_wire.signatures import signature_of
from tests.simulators.anthropic_wire.turns import answers_tools, blocks_of
from tests.simulators.model import Completion, complete, last_text, tokens_of

Json = dict[str, Any]

REFUSAL_STRING = "ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL_"
REDACTED_STRING = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_"
PREAMBLE_PHRASE = "say what you do"

_REASONS = "pause_turn|model_context_window_exceeded|refusal"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer before it is said."""

    id: str
    model: str
    blocks: tuple[Json, ...]
    stop_reason: str
    stop_sequence: str | None
    output_tokens: int
    thinking_tokens: int

    @property
    def stop_details(self) -> Json | None:
        """What is said about a refusal."""
        if self.stop_reason != "refusal":
            return None
        words = "This request was declined because it could enable cyber harm."
        return {"type": "refusal", "category": "cyber", "explanation": words}


def reply_to(body: Json, model: ClaudeModel, *, platform: str = "") -> Reply:
    """The reply to a checked body. `platform` stands in the ids: `vrtx_` on Vertex AI."""
    asked = _asked(body)
    completion = complete(asked, model=model.id)
    thoughts = _thoughts(body, model, last_text(asked))
    left = body["max_tokens"] - len(thoughts.tokens)
    if left < 0 or body["max_tokens"] == 0:
        thoughts = thoughts.cut(body["max_tokens"])
        said = _Said((), "max_tokens")
    else:
        said = _said(body, completion, last_text(asked), platform, left)
    return Reply(
        id=f"msg_{platform}01{_digits(completion.id, 22)}",
        model=model.id,
        blocks=(*thoughts.blocks, *said.blocks),
        stop_reason=said.reason,
        stop_sequence=said.sequence,
        output_tokens=len(thoughts.tokens) + said.tokens,
        thinking_tokens=len(thoughts.tokens),
    )


@dataclass(frozen=True, slots=True)
class _Thoughts:
    tokens: tuple[str, ...] = ()
    redacted: bool = False
    omitted: bool = False

    def cut(self, limit: int) -> "_Thoughts":
        return _Thoughts(self.tokens[:limit], self.redacted, self.omitted)

    @property
    def blocks(self) -> tuple[Json, ...]:
        if not self.tokens:
            return ()
        thinking = "".join(self.tokens)
        if self.redacted:
            return ({"type": "redacted_thinking", "data": signature_of("", thinking)},)
        shown = "" if self.omitted else thinking
        signature = signature_of(shown, thinking)
        return ({"type": "thinking", "thinking": shown, "signature": signature},)


@dataclass(frozen=True, slots=True)
class _Said:
    blocks: tuple[Json, ...]
    reason: str
    sequence: str | None = None
    tokens: int = 0


def _thoughts(body: Json, model: ClaudeModel, question: str) -> _Thoughts:
    """With a budget the model thinks once a turn, not again after each tool; adaptive thinking is
    interleaved (platform.claude.com, "Adaptive thinking").
    """
    kind = thinking_kind(body, model)
    if kind == "disabled" or (kind == "enabled" and answers_tools(body)):
        return _Thoughts()
    display = (body.get("thinking") or {}).get("display") or model.display
    return _Thoughts(
        tokens_of(f"The user says: {question}."),
        redacted=REDACTED_STRING in question,
        omitted=display == "omitted",
    )


def _said(body: Json, completion: Completion, question: str, platform: str, left: int) -> _Said:
    [choice] = completion.choices
    told = re.search(rf"stop with ({_REASONS})\b", question)
    reason = told[1] if told else "end_turn"
    if choice.finish_reason == "content_filter" or REFUSAL_STRING in question:
        reason = "refusal"
    if choice.tool_calls and reason == "end_turn":
        return _calls(completion, platform, aloud=PREAMBLE_PHRASE in question)
    said = choice.text.removeprefix(_prefill(body))
    said, sequence = _up_to_stop(said, body.get("stop_sequences") or [])
    tokens = tokens_of(said)
    if len(tokens) > left:
        reason, sequence = "max_tokens", None
    elif sequence is not None:
        reason = "stop_sequence"
    kept = "".join(tokens[:left])
    blocks = ({"type": "text", "text": kept},) if kept else ()
    return _Said(blocks, reason, sequence, len(tokens[:left]))


def _calls(completion: Completion, platform: str, *, aloud: bool) -> _Said:
    [choice] = completion.choices
    calls = tuple(
        {
            "type": "tool_use",
            "id": f"toolu_{platform}01{_digits(call.id, 22)}",
            "name": call.name,
            "input": json.loads(call.arguments),
            "caller": {"type": "direct"},
        }
        for call in choice.tool_calls
    )
    names = ", ".join(call.name for call in choice.tool_calls)
    preamble = f"I will use {names}." if aloud else ""
    text = ({"type": "text", "text": preamble},) if aloud else ()
    spent = completion.completion_tokens + len(tokens_of(preamble))
    return _Said((*text, *calls), "tool_use", None, spent)


def _prefill(body: Json) -> str:
    last = body["messages"][-1]
    return _text(blocks_of(last["content"])) if last["role"] == "assistant" else ""


def _up_to_stop(text: str, sequences: list[str]) -> tuple[str, str | None]:
    """The text before the first stop sequence, and which one that is."""
    found = [(text.find(sequence), sequence) for sequence in sequences if sequence in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence


def _digits(of: str, number: int) -> str:
    return of.rpartition("_")[2].rpartition("-")[2][:number]


# ------------------------------------------------------------------------ the words of `complete`


def _asked(body: Json) -> Json:
    """The body in the words that `complete` reads; its limits are left out, they are applied
    here.
    """
    messages: list[Json] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _text(blocks_of(body["system"]))})
    for message in body["messages"]:
        messages.extend(_messages(message))
    choice = body.get("tool_choice") or {"type": "auto"}
    asked: Json = {
        "messages": messages,
        "tools": [_function(tool) for tool in body.get("tools") or [] if "input_schema" in tool],
        "tool_choice": _choice(choice),
        "parallel_tool_calls": not choice.get("disable_parallel_tool_use", False),
    }
    wanted = (body.get("output_config") or {}).get("format")
    if wanted:
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"schema": opened(wanted["schema"])},
        }
    return asked


def _messages(message: Json) -> list[Json]:
    """One message, and one more for every result of a tool before it."""
    blocks = blocks_of(message["content"])
    results = [block for block in blocks if block["type"] == "tool_result"]
    rest = [block for block in blocks if block["type"] != "tool_result"]
    told = [
        {"role": "tool", "content": _text(blocks_of(block.get("content") or []))}
        for block in results
    ]
    return [*told, {"role": message["role"], "content": _text(rest)}] if rest else told


def _text(blocks: list[Json]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def _function(tool: Json) -> Json:
    return {
        "type": "function",
        "function": {"name": tool["name"], "parameters": opened(tool["input_schema"])},
    }


def _choice(choice: Json) -> str | Json:
    if choice["type"] == "tool":
        return {"type": "function", "function": {"name": choice["name"]}}
    return {"any": "required"}.get(choice["type"], str(choice["type"]))
