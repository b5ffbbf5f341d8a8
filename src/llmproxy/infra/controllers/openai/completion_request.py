"""Desk: what a request for a completion of the older kind must look like.

Bounds are those of OpenAI's API description (CreateCompletionRequest). A field that is null counts
as absent; a prompt that is null is OpenAI's default, `<|endoftext|>`.
"""

from collections.abc import Mapping
from typing import Any

from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    between,
    boolean,
    json_object,
    missing,
    model_name,
    read_fields,
    whole,
)
from llmproxy.infra.controllers.openai.stream_options import check_stream_options
from llmproxy.infra.controllers.openai.texts_or_tokens import count_inputs

CHECKS: Mapping[str, Check] = {
    "model": model_name,
    "stream": boolean,
    "echo": boolean,
    "temperature": between(0, 2),
    "top_p": between(0, 1),
    "frequency_penalty": between(-2, 2),
    "presence_penalty": between(-2, 2),
    "n": whole(1, 128),
    "best_of": whole(0, 20),
    "logprobs": whole(0, 5),
    "max_tokens": whole(0, None),
}


def completion_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
    values = read_fields(body, CHECKS)
    prompt = body.fields.get("prompt")
    if prompt is None:
        raise missing("prompt")
    prompts = 1 if bytes(prompt) == b"null" else count_inputs("prompt", prompt)
    if "stream_options" in body.fields:
        check_stream_options(body.fields["stream_options"])
    return Asked(
        body,
        values["model"],
        stream=values.get("stream") is True,
        choices=prompts * _generated(values),
        max_output_tokens=values.get("max_tokens"),
    )


def _generated(values: Mapping[str, Any]) -> int:
    """Return how many answers are generated, and billed, for each prompt."""
    return max(values.get("n") or 1, values.get("best_of") or 1)
