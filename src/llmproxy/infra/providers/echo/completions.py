"""Completions of the older kind: each prompt comes back, `n` times."""

import time
from collections.abc import Iterator

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.inputs import Input, inputs_of, whole_number
from llmproxy.infra.providers.echo.streaming import event
from llmproxy.infra.providers.echo.words import Said, answer_id, check_length, said, wire_usage
from llmproxy.infra.providers.translated.chat_answer import asks_for_usage

_EMPTY = "<|endoftext|>"
"""What OpenAI completes when the prompt is null."""


def completion_answer(call: Call) -> tuple[dict[str, object], Usage]:
    """Return the answer in one piece."""
    spoken, usage = _echo(call)
    choices = [
        _choice(index, "".join(each.words), each.finish) for index, each in enumerate(spoken)
    ]
    return {**_head(call), "choices": choices, "usage": wire_usage(usage)}, usage


def completion_events(call: Call) -> tuple[Iterator[bytes], Usage]:
    """Return the answer word by word, one choice after another."""
    spoken, usage = _echo(call)
    return _chunks(call, spoken, usage), usage


def _chunks(call: Call, spoken: list[Said], usage: Usage) -> Iterator[bytes]:
    head = _head(call)
    asked = asks_for_usage(call)
    nothing: dict[str, object] = {"usage": None} if asked else {}
    for index, each in enumerate(spoken):
        for word in each.words:
            yield event({**head, "choices": [_choice(index, word, None)], **nothing})
        yield event({**head, "choices": [_choice(index, "", each.finish)], **nothing})
    if asked:
        yield event({**head, "choices": [], "usage": wire_usage(usage)})


def _echo(call: Call) -> tuple[list[Said], Usage]:
    given = call.body.value("prompt")
    prompts = [Input(_EMPTY, 1)] if given in {None, b"null"} else inputs_of(given or b"", "prompt")
    times = whole_number(call, "n") or 1
    check_length("prompt", times * [prompt.text for prompt in prompts])
    spoken = [said(prompt.text, call.max_output_tokens) for prompt in prompts for _ in range(times)]
    usage = Usage(
        input_tokens=sum(prompt.tokens for prompt in prompts),
        output_tokens=sum(len(each.words) for each in spoken),
    )
    return spoken, usage


def _choice(index: int, text: str, finish: str | None) -> dict[str, object]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _head(call: Call) -> dict[str, object]:
    return {
        "id": answer_id("cmpl", call),
        "object": "text_completion",
        "created": int(time.time()),  # noqa: TID251 - a field of the answer, not a measure
        "model": call.model,
        "system_fingerprint": "fp_echo",
    }
