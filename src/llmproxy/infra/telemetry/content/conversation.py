"""What is asked and answered, as messages of OpenTelemetry's conventions for generative AI.

`parts.py` says where these are written down. Requests and answers are OpenAI's: of chat
completions, of completions, and of the Responses API.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from llmproxy.infra.telemetry.content.parts import (
    Json,
    listed,
    of_content,
    refusal,
    server_call,
    sound,
    text,
    tool_answer,
    tool_call,
    word,
)

FINISHED: Final[Mapping[str, str]] = MappingProxyType(
    {"tool_calls": "tool_call", "function_call": "tool_call", "max_output_tokens": "length"}
)
"""Reasons that the conventions call otherwise."""
BROKEN_OFF: Final = "error"
CALLS: Final = frozenset(("function_call", "custom_tool_call"))
ANSWERS: Final = frozenset(("function_call_output", "custom_tool_call_output"))
OF_TOOLS: Final = frozenset(("tool", "function"))


def instructions_of(asked: Json) -> list[Json]:
    """Return the parts of what is said apart from the conversation: `instructions` of Responses.

    A system message of a chat completion belongs to the conversation, as the conventions say.
    """
    said = asked.get("instructions")
    if isinstance(said, str):
        return of_content(said)
    return [part for item in listed(said) for part in _of_item(item)[1]]


def question_of(asked: Json) -> list[Json]:
    """Return the messages of a request, in their order."""
    if "messages" in asked:
        return [_of_chat(message) for message in listed(asked["messages"])]
    if "prompt" in asked:
        return _said("user", _of_prompt(asked["prompt"]))
    said = asked.get("input")
    if isinstance(said, str):
        return _said("user", of_content(said))
    return [{"role": role, "parts": parts} for role, parts in map(_of_item, listed(said))]


def answer_of(answered: Json) -> list[Json]:
    """Return a message for each choice, or the one of a response; of an error none."""
    if "choices" in answered:
        return [_of_choice(choice) for choice in listed(answered["choices"])]
    items = list(listed(answered.get("output")))
    if not items:
        return []
    parts = [part for item in items for part in _of_item(item)[1]]
    reason = _reason_of(answered, calls=any(item.get("type") in CALLS for item in items))
    return [{"role": "assistant", "parts": parts, "finish_reason": reason}]


def _said(role: str, parts: list[Json]) -> list[Json]:
    return [{"role": role, "parts": parts}] if parts else []


def _of_prompt(prompt: object) -> list[Json]:
    """Return the parts of a text or several; tokens are told by their number."""
    if isinstance(prompt, str):
        return of_content(prompt)
    several = prompt if isinstance(prompt, list) else []
    texts = [text(each) for each in several if isinstance(each, str)]
    count = sum(len(each) if isinstance(each, list) else 1 for each in several)
    return texts or ([{"type": "tokens", "count": count}] if several else [])


def _of_chat(message: Json) -> Json:
    role = word(message.get("role")) or "user"
    if role in OF_TOOLS:
        parts = [tool_answer(message.get("tool_call_id"), message.get("content"))]
        return {"role": "tool", "parts": parts}
    told: Json = {"role": role, "parts": _of_message(message)}
    name = word(message.get("name"))
    return told if name is None else told | {"name": name}


def _of_message(message: Json) -> list[Json]:
    thought = word(message.get("reasoning_content")) or word(message.get("reasoning"))
    parts: list[Json] = [] if thought is None else [{"type": "reasoning", "content": thought}]
    parts += of_content(message.get("content"))
    refused = word(message.get("refusal"))
    if refused is not None:
        parts.append(refusal(refused))
    if isinstance(message.get("audio"), dict):
        parts += sound(message["audio"])
    parts += [_of_tool_call(call) for call in listed(message.get("tool_calls"))]
    alone = message.get("function_call")
    if isinstance(alone, dict):
        parts.append(tool_call({}, alone.get("name"), alone.get("arguments")))
    return parts


def _of_tool_call(call: Json) -> Json:
    said: Any = call.get("function") or call.get("custom")
    of = said if isinstance(said, dict) else {}
    return tool_call(call, of.get("name"), of.get("arguments", of.get("input")))


def _of_choice(choice: Json) -> Json:
    message = choice.get("message")
    parts = of_content(choice.get("text"))
    role = "assistant"
    if isinstance(message, dict):
        role = word(message.get("role")) or role
        parts += _of_message(message)
    reason = word(choice.get("finish_reason")) or BROKEN_OFF
    return {"role": role, "parts": parts, "finish_reason": FINISHED.get(reason, reason)}


def _of_item(item: Json) -> tuple[str, list[Json]]:
    """Return whose an item of the Responses API is, and its parts."""
    kind = word(item.get("type")) or "message"
    if kind == "message":
        return word(item.get("role")) or "user", of_content(item.get("content"))
    if kind in ANSWERS:
        return "tool", [tool_answer(item.get("call_id"), item.get("output"))]
    return "assistant", _of_step(item, kind)


def _of_step(item: Json, kind: str) -> list[Json]:
    if kind in CALLS:
        return [tool_call(item, item.get("name"), item.get("arguments", item.get("input")))]
    if kind == "reasoning":
        return of_content(item.get("summary")) + of_content(item.get("content"))
    return [server_call(item, kind)] if kind.endswith("_call") else of_content([{"type": kind}])


def _reason_of(response: Json, *, calls: bool) -> str:
    status = response.get("status")
    if status == "completed":
        return "tool_call" if calls else "stop"
    why = response.get("incomplete_details")
    reason = word(why.get("reason")) if isinstance(why, dict) else None
    return BROKEN_OFF if reason is None else FINISHED.get(reason, reason)
