"""A completion as OpenAI's chat JSON: the whole object, or the chunks of a stream.

Shapes: OpenAI's API description 2.3.0 (`CreateChatCompletionResponse`,
`CreateChatCompletionStreamResponse`) and chunks recorded by others, 2025 and 2026 (role first with
empty content, `logprobs: null`, `obfuscation` on every delta).
"""

import hashlib
from typing import Any

from tests.simulators.model import Choice, Completion, ToolCall

Json = dict[str, Any]

CREATED = 1_763_928_000  # epoch seconds; fixed, so that equal requests get equal bytes

_FRAGMENT_CHARS = 6


def chat_object(completion: Completion, body: Json) -> Json:
    """The answer of a call that does not stream."""
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": completion.model,
        "choices": [
            {
                "index": choice.index,
                "message": _message(choice),
                "logprobs": _logprobs(choice.tokens, body),
                "finish_reason": choice.finish_reason,
            }
            for choice in completion.choices
        ],
        "usage": _usage(completion),
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }


def chat_chunks(completion: Completion, body: Json) -> list[Json]:
    """The chunks of a stream, without the frame that ends it. Choices are interleaved, as the
    vendor does.
    """
    options = body.get("stream_options") or {}
    counted = options.get("include_usage") is True
    per_choice = [_choice_deltas(choice, body) for choice in completion.choices]
    rounds = max(len(deltas) for deltas in per_choice)
    chunks = [
        _chunk(completion, [deltas[at]], counted=counted)
        for at in range(rounds)
        for deltas in per_choice
        if at < len(deltas)
    ]
    if options.get("include_obfuscation") is not False:
        for number, chunk in enumerate(chunks):
            chunk["obfuscation"] = _padding(completion.id, number)
    if counted:
        last = _chunk(completion, [], counted=True) | {"usage": _usage(completion)}
        chunks.append(last)
    return chunks


def _message(choice: Choice) -> Json:
    message: Json = {
        "role": "assistant",
        "content": None if choice.tool_calls else choice.text,
        "refusal": None,
        "annotations": [],
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.tool_calls
        ]
    return message


def _usage(completion: Completion) -> Json:
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": completion.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _chunk(completion: Completion, choices: list[Json], *, counted: bool) -> Json:
    chunk: Json = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": choices,
    }
    return chunk | {"usage": None} if counted else chunk


def _choice_deltas(choice: Choice, body: Json) -> list[Json]:
    """The `choices[0]` of each chunk of one choice: role, content or tool fragments, the finish."""
    deltas: list[tuple[Json, tuple[str, ...]]] = []
    if choice.tool_calls:
        opening: Json = {"role": "assistant", "content": None, "refusal": None}
        deltas.append((opening, ()))
        for number, call in enumerate(choice.tool_calls):
            deltas.extend(({"tool_calls": [fragment]}, ()) for fragment in _fragments(number, call))
    else:
        deltas.append(({"role": "assistant", "content": "", "refusal": None}, ()))
        if choice.reasoning:
            deltas.append(({"content": None, "reasoning_content": choice.reasoning}, ()))
        deltas.extend(({"content": token}, (token,)) for token in choice.tokens)
    said = [
        _choice_json(choice.index, delta, _logprobs(tokens, body), None) for delta, tokens in deltas
    ]
    return [*said, _choice_json(choice.index, {}, None, choice.finish_reason)]


def _choice_json(index: int, delta: Json, logprobs: Json | None, finish_reason: str | None) -> Json:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


def _fragments(number: int, call: ToolCall) -> list[Json]:
    """A tool call in pieces: id, type and name on the first, then the arguments bit by bit."""
    head = {
        "index": number,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": ""},
    }
    pieces = [
        call.arguments[at : at + _FRAGMENT_CHARS]
        for at in range(0, len(call.arguments), _FRAGMENT_CHARS)
    ]
    return [head, *({"index": number, "function": {"arguments": piece}} for piece in pieces)]


def _logprobs(tokens: tuple[str, ...], body: Json) -> Json | None:
    if not body.get("logprobs") or not tokens:
        return None
    top = int(body.get("top_logprobs") or 0)
    return {"content": [_logprob(token, top) for token in tokens], "refusal": None}


def _logprob(token: str, top: int) -> Json:
    def one(text: str, logprob: float) -> Json:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    others = [
        one(token if rank == 0 else f"{token}{rank}", -0.125 * (rank + 1)) for rank in range(top)
    ]
    return one(token, -0.125) | {"top_logprobs": others}


def _padding(seed: str, number: int) -> str:
    digest = hashlib.sha256(f"{seed}{number}".encode()).hexdigest()
    return digest[: 1 + int(digest[0], 16)]
