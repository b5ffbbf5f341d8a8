"""`POST /v1/completions`: the older kind, plain and streamed, a choice per prompt and `n`.

Rules and shapes: OpenAI's API description 2.3.0 (CreateCompletionRequest,
CreateCompletionResponse).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, stream_answer
from tests.simulators.chat import CREATED
from tests.simulators.model import tokens_of
from tests.simulators.operations.operation import Asked, Operation
from tests.simulators.rules import Body, check_number, check_stream_options, decoded
from tests.simulators.rules import unknown_parameter as unknown

PARAMETERS = frozenset(
    (
        "best_of",
        "echo",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "model",
        "n",
        "presence_penalty",
        "prompt",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "top_p",
        "user",
    )
)
INTEGERS: Mapping[str, tuple[int, int | None]] = {
    "n": (1, 128),
    "best_of": (0, 20),
    "logprobs": (0, 5),
    "max_tokens": (0, None),
}
DEFAULT_TOKENS = 16
END_OF_TEXT = "<|endoftext|>"


def completions(asked: Asked) -> Answer:
    """Answer every prompt with `Simulated answer to: <prompt>`, cut at `max_tokens`."""
    body = decoded(asked.request.body)
    _check(body)
    prompts = _prompts(body["prompt"])
    times = body.get("n") or 1
    choices = [
        _choice(prompt, index, body)
        for index, prompt in enumerate(prompt for prompt in prompts for _ in range(times))
    ]
    read = sum(_size(prompt) for prompt in prompts)
    written = sum(len(tokens) for tokens, _ in choices)
    usage = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    head: dict[str, Any] = {
        "id": f"cmpl-{digest[:29]}",
        "object": "text_completion",
        "created": CREATED,
        "model": asked.model,
    }
    headers = asked.headers(read)
    if body.get("stream"):
        return stream_answer(_chunks(head, choices, usage, body), headers)
    whole = [
        _choice_json(index, "".join(tokens), finish)
        for index, (tokens, finish) in enumerate(choices)
    ]
    return json_answer({**head, "choices": whole, "usage": usage}, headers=headers, indent=2)


def _check(body: Body) -> None:
    for name in body:
        if name not in PARAMETERS:
            raise unknown(name)
    for name, (low, high) in INTEGERS.items():
        if body.get(name) is not None:
            check_number(name, "integer", body[name], low, high)
    check_stream_options(body)
    if "prompt" not in body:
        raise RefusalError(
            400,
            "Missing required parameter: 'prompt'.",
            param="prompt",
            code="missing_required_parameter",
        )
    if body.get("stream") and (body.get("best_of") or 1) > (body.get("n") or 1):
        raise RefusalError(400, "Results of 'best_of' cannot be streamed.", param="best_of")


def _prompts(value: Any) -> list[str | list[int]]:  # noqa: ANN401
    if value is None:
        return [END_OF_TEXT]
    if isinstance(value, str) or (value and isinstance(value[0], int)):
        return [value]
    return list(value)


def _size(prompt: str | list[int]) -> int:
    return len(tokens_of(prompt)) if isinstance(prompt, str) else len(prompt)


def _choice(prompt: str | list[int], index: int, body: Body) -> tuple[tuple[str, ...], str]:
    said = prompt if isinstance(prompt, str) else f"{len(prompt)} tokens"
    limit = body.get("max_tokens")
    limit = DEFAULT_TOKENS if limit is None else limit
    text = f"Simulated answer to: {said}" + (f" (choice {index + 1})" if index else "")
    if said.startswith("count to "):
        text = " ".join(str(number) for number in range(1, int(said.split()[2]) + 1))
    tokens = tokens_of((said if body.get("echo") else "") + text)
    return tokens[:limit], "length" if len(tokens) > limit else "stop"


def _choice_json(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _chunks(
    head: Mapping[str, Any],
    choices: list[tuple[tuple[str, ...], str]],
    usage: Mapping[str, int],
    body: Body,
) -> list[dict[str, Any]]:
    counted = (body.get("stream_options") or {}).get("include_usage") is True
    nothing: dict[str, Any] = {"usage": None} if counted else {}
    chunks = [
        {**head, "choices": [_choice_json(index, text, reason)], **nothing}
        for index, (tokens, finish) in enumerate(choices)
        for text, reason in (*((token, None) for token in tokens), ("", finish))
    ]
    return [*chunks, {**head, "choices": [], "usage": usage}] if counted else chunks


COMPLETIONS = Operation(completions)
