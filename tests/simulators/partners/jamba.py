"""`POST …/publishers/ai21/models/{m}:rawPredict` and `:streamRawPredict`: AI21's Jamba.

The body has neither `model` nor `stream`, the verb says it (ai21 4.3.0,
`clients/vertex/ai21_vertex_client.py`); fields and shapes of answers from the same package
(`clients/studio/resources/chat`, `models/chat`): no `object`, `created` or `model`, and the stream
ends in `[DONE]` (`stream/stream_commons.py`). Limits: AI21's API reference for Jamba (temperature
0 to 2, n 1 to 16). What is said to a field too many was not seen anywhere; the form is FastAPI's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, json_bytes, stream_answer
from tests.simulators.faults import fault_named
from tests.simulators.gemini.errors import google_error
from tests.simulators.model import Completion, complete
from tests.simulators.partners.asked import Asked, Json, body_of, chunks, plain, usage_of
from tests.simulators.rules import Body

JAMBA_MODELS: Mapping[str, str] = {
    "jamba-1.5-mini": "jamba-1.5-mini",
    "jamba-1.5-mini@001": "jamba-1.5-mini",
    "jamba-1.5-large": "jamba-1.5-large",
    "jamba-1.5-large@001": "jamba-1.5-large",
}
PARAMETERS = frozenset(
    {
        "documents",
        "max_tokens",
        "messages",
        "n",
        "response_format",
        "stop",
        "temperature",
        "tools",
        "top_p",
    }
)
_ROLES = ("system", "user", "assistant", "tool")
_RANGES: dict[str, tuple[float, float]] = {
    "max_tokens": (0, 4096),
    "n": (1, 16),
    "temperature": (0, 2),
    "top_p": (0, 1),
}


def answer_jamba(asked: Asked, models: Mapping[str, str] = JAMBA_MODELS) -> Answer:
    """Check and answer one request. Raises RefusalError, in Google's envelope or FastAPI's."""
    if asked.model not in models and fault_named(asked.model) is None:
        words = (
            f"Publisher Model `projects/{asked.project}/locations/{asked.location}/publishers/"
            f"ai21/models/{asked.model}` not found."
        )
        raise google_error(404, words)
    body = body_of(asked.request)
    _check(body)
    completion = complete(body, model=models.get(asked.model, asked.model))
    if not asked.streams:
        return json_answer(_bare(plain(completion, body)))
    failing = json_bytes({"detail": "Internal Server Error"})
    return replace(stream_answer(_chunks(completion, body)), stream_error=failing)


def _check(body: Body) -> None:
    for name in body:
        if name not in PARAMETERS:
            words = "Extra inputs are not permitted"
            raise _invalid("extra_forbidden", ["body", name], words)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _invalid("missing", ["body", "messages"], "Field required")
    for index, message in enumerate(messages):
        _check_message(["body", "messages", index], message)
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is not None and not (isinstance(value, int | float) and low <= value <= high):
            words = f"Input should be between {low} and {high}"
            raise _invalid("value_error", ["body", name], words)
    _check_format(body.get("response_format") or {"type": "text"})


def _check_message(at: list[Any], message: object) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        words = "Input should be 'system', 'user', 'assistant' or 'tool'"
        raise _invalid("enum", [*at, "role"], words)
    if message["role"] != "assistant" and not isinstance(message.get("content"), str):
        raise _invalid("string_type", [*at, "content"], "Input should be a valid string")


def _check_format(wanted: Json) -> None:
    if wanted.get("type") not in {"text", "json_object"}:
        words = "Input should be 'text' or 'json_object'"
        raise _invalid("literal_error", ["body", "response_format", "type"], words)


def _invalid(kind: str, loc: list[Any], message: str) -> RefusalError:
    detail = [{"type": kind, "loc": loc, "msg": message}]
    return RefusalError(422, message, envelope={"detail": detail})


def _bare(answer: Json) -> Json:
    return {name: answer[name] for name in ("id", "choices", "usage") if name in answer}


def _chunks(completion: Completion, body: Body) -> list[Json]:
    """OpenAI's chunks without their frame; the last one is counted."""
    made = [_bare(chunk) for chunk in chunks(completion, body)]
    made[-1]["usage"] = usage_of(completion)
    return made
