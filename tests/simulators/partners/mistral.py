"""`POST …/publishers/mistralai/models/{m}:rawPredict` and `:streamRawPredict`: Mistral's chat.

The model stands in the path and in the body (there without its version), `stream` in the body as
the verb has it: mistralai 3.7, `gcp/client/_hooks/registration.py` and `chat.py`. The shape of
answers: its models, and a stream of Magistral quoted in litellm 16272. A `stream` that contradicts
the verb was not seen anywhere; it is refused.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from tests.simulators.answer import Answer, json_answer, json_bytes, stream_answer
from tests.simulators.chat import CREATED
from tests.simulators.faults import fault_named
from tests.simulators.gemini.errors import google_error
from tests.simulators.model import Choice, Completion, complete, last_text, text_of, tokens_of
from tests.simulators.partners.asked import (
    Asked,
    Json,
    body_of,
    usage_of,
    with_reasoning_counted,
)
from tests.simulators.partners.mistral_rules import check_mistral, mistral_error
from tests.simulators.rules import Body

FILL_THE_CONTEXT = "fill the context"  # in the last message: the answer ends as `model_length`

# What the path names, and whether it thinks aloud.
MISTRAL_MODELS: Mapping[str, bool] = {
    "mistral-medium-3": False,
    "mistral-small-2503": False,
    "codestral-2": False,
    "mistral-large-2411@001": False,
    "magistral-medium-2509": True,
}


def answer_mistral(asked: Asked, models: Mapping[str, bool] = MISTRAL_MODELS) -> Answer:
    """Check and answer one request. Raises RefusalError, in Google's envelope or in Mistral's."""
    if asked.model not in models and fault_named(asked.model) is None:
        words = (
            f"Publisher Model `projects/{asked.project}/locations/{asked.location}/publishers/"
            f"mistralai/models/{asked.model}` not found."
        )
        raise google_error(404, words)
    body = body_of(asked.request)
    check_mistral(body)
    if body["model"] != asked.model.partition("@")[0]:
        raise mistral_error(400, f"Invalid model: {body['model']}", "invalid_model", "1500")
    if bool(body.get("stream")) is not asked.streams:
        raise google_error(400, "The verb and `stream` contradict each other.")
    completion = _completed(body, thinks_aloud=models.get(asked.model, False))
    if not asked.streams:
        return json_answer(_object(completion))
    failing = mistral_error(503, "Service unavailable.", "service_unavailable", "3000")
    return replace(stream_answer(_chunks(completion)), stream_error=json_bytes(failing.envelope))


def _completed(body: Body, *, thinks_aloud: bool) -> Completion:
    completion = complete(body, model=body["model"], thinks_aloud=thinks_aloud)
    choices = tuple(_changed(choice, body) for choice in completion.choices)
    completion = replace(completion, id=completion.id.removeprefix("chatcmpl-"), choices=choices)
    return with_reasoning_counted(completion) if thinks_aloud else completion


def _changed(choice: Choice, body: Body) -> Choice:
    """Mistral's ids of calls, its prefix, and the end that only it has."""
    calls = tuple(
        replace(call, id=hashlib.sha256(call.id.encode()).hexdigest()[:9])
        for call in choice.tool_calls
    )
    last = body["messages"][-1]
    opening = tokens_of(text_of(last)) if last.get("prefix") else ()
    reason = "model_length" if FILL_THE_CONTEXT in last_text(body) else choice.finish_reason
    return replace(
        choice, tool_calls=calls, tokens=(*opening, *choice.tokens), finish_reason=reason
    )


def _object(completion: Completion) -> Json:
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": completion.model,
        "usage": usage_of(completion),
        "choices": [
            {
                "index": choice.index,
                "finish_reason": choice.finish_reason,
                "message": {
                    "role": "assistant",
                    "content": _content(choice),
                    "tool_calls": _calls(choice) or None,
                },
            }
            for choice in completion.choices
        ],
    }


def _content(choice: Choice) -> str | list[Json]:
    if not choice.reasoning:
        return choice.text
    return [_thinking(choice.reasoning), {"type": "text", "text": choice.text}]


def _thinking(text: str) -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _calls(choice: Choice) -> list[Json]:
    """Whole calls; Mistral does not break them up in a stream."""
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
            "index": number,
        }
        for number, call in enumerate(choice.tool_calls)
    ]


def _chunks(completion: Completion) -> list[Json]:
    """The role, the content bit by bit, and the end with the usage."""
    per_choice = [_deltas(choice) for choice in completion.choices]
    rounds = max(len(deltas) for deltas in per_choice)
    made = [
        {
            "id": completion.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": completion.model,
            "choices": [deltas[at]],
        }
        for at in range(rounds)
        for deltas in per_choice
        if at < len(deltas)
    ]
    made[-1]["usage"] = usage_of(completion)
    return made


def _deltas(choice: Choice) -> list[Json]:
    said: list[Json] = [{"role": "assistant", "content": ""}]
    said.extend({"content": [_thinking(piece)]} for piece in tokens_of(choice.reasoning))
    # By the SDK's `DeltaMessageContent` content is text or chunks; after thinking it starts as one.
    for number, token in enumerate(choice.tokens):
        first = choice.reasoning and number == 0
        said.append({"content": [{"type": "text", "text": token}] if first else token})
    calls = _calls(choice)
    end: Json = {"content": "", "tool_calls": calls} if calls else {"content": ""}
    parts = [{"index": choice.index, "delta": delta, "finish_reason": None} for delta in said]
    last = {"index": choice.index, "delta": end, "finish_reason": choice.finish_reason}
    return [*parts, last]
