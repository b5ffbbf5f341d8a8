"""Mistral's checks of a chat request, with Mistral's words.

Fields: `ChatCompletionRequest` and the messages of mistralai 3.7 (`gcp/client/models`;
`safe_prompt` and `thinking` chunks are in `client/models` only). 422 and its form: pydantic's,
quoted in nomtek/mistralai_client_dart 44 and crewAI 60. Order of messages and ids of tool calls:
errors quoted in avante.nvim 2695, AiNiee 641, ironclaw 1241; the transitions are mistral-common's.
"""

import itertools
import re
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.rules import Body

PARAMETERS = frozenset(
    {
        "frequency_penalty",
        "guardrails",
        "logprobs",
        "max_tokens",
        "messages",
        "metadata",
        "min_tokens",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_logprobs",
        "prompt_mode",
        "random_seed",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "safe_prompt",
        "stop",
        "stream",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "top_prompt_logprobs",
    }
)
_MESSAGE_FIELDS = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_AFTER = {
    "system": {"user", "assistant", "system"},
    "user": {"user", "assistant", "system"},
    "assistant": {"user", "assistant", "tool"},
    "tool": {"assistant", "tool"},
}
_CHUNKS = {
    "system": {"text", "thinking"},
    "user": {"text", "image_url", "reference"},
    "assistant": {"text", "thinking", "reference"},
    "tool": {"text", "image_url", "reference"},
}
_CHOICES = ("auto", "none", "any", "required")
_RANGES: dict[str, tuple[float, float | None]] = {
    "temperature": (0, 1.5),
    "top_p": (0, 1),
    "max_tokens": (0, None),
    "random_seed": (0, None),
    "n": (1, None),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_BOOLEANS = ("stream", "safe_prompt", "parallel_tool_calls", "logprobs")
_TOOL_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")

Loc = list[str | int]


def check_mistral(body: Body) -> None:
    """Everything. Raises RefusalError: 422 for the shape, 400 for what does not follow on what."""
    _check_known("body", body, PARAMETERS)
    for name in ("model", "messages"):
        if name not in body:
            raise invalid("missing", ["body", name], "Field required", body)
    _check_values(body)
    if not isinstance(body["messages"], list):
        raise invalid(
            "list_type", ["body", "messages"], "Input should be a valid list", body["messages"]
        )
    for index, message in enumerate(body["messages"]):
        _check_message(["body", "messages", index], message)
    _check_order(body["messages"])
    _check_tool_calls(body["messages"])


def invalid(kind: str, loc: Loc, message: str, given: Any) -> RefusalError:  # noqa: ANN401 - any JSON
    """A 422 of the body's validation."""
    detail = [{"type": kind, "loc": loc, "msg": message, "input": given}]
    return mistral_error(422, {"detail": detail}, "invalid_request_error", None)


def mistral_error(status: int, message: object, kind: str, code: str | None) -> RefusalError:
    """An error in Mistral's envelope."""
    envelope = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return RefusalError(status, str(message), envelope=envelope)


def _check_known(at: str, given: Body, known: frozenset[str], *more: str | int) -> None:
    for name in given:
        if name not in known:
            words = "Extra inputs are not permitted"
            raise invalid("extra_forbidden", [at, *more, name], words, given[name])


def _check_values(body: Body) -> None:
    for name, (low, high) in _RANGES.items():
        if body.get(name) is not None:
            _check_number(name, body[name], low, high)
    for name in _BOOLEANS:
        if body.get(name) is not None and not isinstance(body[name], bool):
            words = "Input should be a valid boolean"
            raise invalid("bool_type", ["body", name], words, body[name])
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in _CHOICES:
        words = "Input should be 'auto', 'none', 'any' or 'required'"
        raise invalid("enum", ["body", "tool_choice"], words, choice)
    if body.get("prompt_mode") not in (None, "reasoning"):
        words = "Input should be 'reasoning'"
        raise invalid("enum", ["body", "prompt_mode"], words, body["prompt_mode"])


def _check_number(name: str, value: object, low: float, high: float | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        words = "Input should be a valid number"
        raise invalid("float_type", ["body", name], words, value)
    if value < low:
        words = f"Input should be greater than or equal to {low}"
        raise invalid("greater_than_equal", ["body", name], words, value)
    if high is not None and value > high:
        words = f"Input should be less than or equal to {high}"
        raise invalid("less_than_equal", ["body", name], words, value)


def _check_message(at: Loc, message: object) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or role not in _MESSAGE_FIELDS:
        tags = ", ".join(f"'{name}'" for name in sorted(_MESSAGE_FIELDS))
        words = (
            f"Input tag '{role}' found using 'role' does not match any of the expected tags: {tags}"
        )
        raise invalid("union_tag_invalid", at, words, message)
    _check_known("body", message, _MESSAGE_FIELDS[role], *at[1:], role)
    content = message.get("content")
    if isinstance(content, list):
        for index, chunk in enumerate(content):
            kind = chunk.get("type") if isinstance(chunk, dict) else None
            if kind not in _CHUNKS[role]:
                words = f"Input tag '{kind}' found using 'type' does not match any expected tag"
                raise invalid("union_tag_invalid", [*at, role, "content", index], words, chunk)
    elif content is not None and not isinstance(content, str):
        words = "Input should be a valid string"
        raise invalid("string_type", [*at, role, "content"], words, content)
    if role == "assistant" and not content and not message.get("tool_calls"):
        words = "Assistant message must have either content or tool_calls, but not none."
        raise mistral_error(400, words, "invalid_request_assistant_message", "3240")


def _check_order(messages: list[Any]) -> None:
    kind = "invalid_request_message_order"
    if not messages:
        raise mistral_error(400, "Conversation must have at least one message", kind, "3230")
    for before, after in itertools.pairwise(messages):
        if after["role"] not in _AFTER[before["role"]]:
            words = f"Unexpected role '{after['role']}' after role '{before['role']}'"
            raise mistral_error(400, words, kind, "3230")
    last = messages[-1]
    if last["role"] in {"user", "tool"} or (last["role"] == "assistant" and last.get("prefix")):
        return
    words = (
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
        f"{last['role']}"
    )
    raise mistral_error(400, words, kind, "3230")


def _check_tool_calls(messages: list[Any]) -> None:
    """Ids are nine letters and digits, and every call has its result."""
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            _check_id(message.get("tool_call_id"))
        called = message.get("tool_calls") or []
        for call in called:
            _check_id(call.get("id"))
        results = 0
        for each in messages[at + 1 :]:
            if each["role"] != "tool":
                break
            results += 1
        if called and len(called) != results:
            words = "Not the same number of function calls and responses"
            raise mistral_error(400, words, "invalid_request_message_order", "3230")


def _check_id(name: object) -> None:
    if not isinstance(name, str) or not _TOOL_CALL_ID.fullmatch(name):
        words = f"Tool call id was {name} but must be a-z, A-Z, 0-9, with a length of 9."
        raise mistral_error(400, words, "invalid_function_call", "3280")
