"""`:generateContent`, `:streamGenerateContent` and `:countTokens`.

Trigger phrases in the last message: "trigger the prompt filter" (no candidates, only
`promptFeedback`), "trigger the output filter" (SAFETY, IMAGE_SAFETY), and those of `_REASONS`. A
model that draws and is told to "only talk about it" answers in words alone.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.simulators.answer import Answer, json_answer
from tests.simulators.azure import PROMPT_FILTER_PHRASE
from tests.simulators.gemini.answers import Told, answered, blocked, chunks, whole
from tests.simulators.gemini.asking import as_openai, text_of_parts
from tests.simulators.gemini.media import (
    TOKENS_PER_PICTURE,
    check_media,
    heard,
    pictures,
    spoken,
    without_text,
)
from tests.simulators.gemini.models import Model, Task
from tests.simulators.gemini.reading import read
from tests.simulators.gemini.rules import check_request
from tests.simulators.gemini.served import FILTERED_PHRASE, Asked
from tests.simulators.gemini.signatures import check_signatures
from tests.simulators.gemini.turns import check_contents, check_parts
from tests.simulators.gemini.usage import prompt_of
from tests.simulators.model import Completion, complete, last_text, tokens_of

Json = dict[str, Any]

THOUGHT_TOKENS = 64
_REASONS: Mapping[str, str] = {
    "trigger a malformed function call": "MALFORMED_FUNCTION_CALL",
    "trigger the recitation check": "RECITATION",
    "trigger the blocklist": "BLOCKLIST",
}
_NO_PICTURE = "only talk about it"
_BLOCKED = "The prompt is blocked due to prohibited contents."


def generate(asked: Asked, *, stream: bool) -> Answer:
    """Answer a prompt."""
    body = read("GenerateContentRequest", asked.request.body)
    _check(body, asked)
    told = _with_media(_told(body, asked), body, asked, stream=stream)
    if PROMPT_FILTER_PHRASE in last_text(as_openai(body)):
        said = [blocked(told, "PROHIBITED_CONTENT", _BLOCKED)]
    else:
        said = list(chunks(told)) if stream else [whole(told)]
    sse = asked.request.parameter("alt") == "sse"
    return answered(said, asked.headers, stream=stream, sse=sse)


def count_tokens(asked: Asked) -> Answer:
    """Count a prompt."""
    body = read("CountTokensRequest", asked.request.body)
    check_contents(body.get("contents"), ends_with_user=False)
    completion = complete(as_openai(body), model=asked.name)
    prompt = prompt_of(body, completion.prompt_tokens)
    characters = sum(len(text_of_parts(content)) for content in body["contents"])
    counted = {
        "totalTokens": prompt.total,
        "totalBillableCharacters": characters,
        "promptTokensDetails": prompt.details,
    }
    return json_answer(counted, headers=asked.headers, indent=2)


def _check(body: Json, asked: Asked) -> None:
    model = asked.model
    check_contents(body.get("contents"), ends_with_user=model.generation >= 3)
    if "system_instruction" in body:
        check_parts(body["system_instruction"])
    check_request(body, model)
    check_media(body, asked.name, model)
    check_signatures(body["contents"], required=model.needs_signatures)


def _told(body: Json, asked: Asked) -> Told:
    config = body.get("generation_config", {})
    openai = as_openai(body)
    thinking = config.get("thinking_config", {})
    thoughts = _thoughts(thinking, asked.model)
    completion = complete(openai, model=asked.name, thinks_aloud=True)
    if config.get("response_mime_type") == "text/x.enum":
        completion = _saying(completion, str(json.loads(completion.choices[0].text)), config)
    elif heard(body) is not None and config.get("response_mime_type", "text/plain") == "text/plain":
        completion = _saying(completion, str(heard(body)), config)
    signs = asked.model.needs_signatures
    asks_logprobs = config.get("response_logprobs")
    return Told(
        completion=completion,
        prompt=prompt_of(body, completion.prompt_tokens),
        thoughts=thoughts,
        shows_thoughts=bool(thoughts and thinking.get("include_thoughts")),
        signs=signs,
        names_calls=signs,
        logprobs=config.get("logprobs", 0) if asks_logprobs else None,
        reason=next((why for said, why in _REASONS.items() if said in last_text(openai)), None),
    )


def _thoughts(thinking: Json, model: Model) -> int:
    """How many tokens the model thinks."""
    if model.budgets is None:
        return 0
    budget = thinking.get("thinking_budget")
    if budget is None:
        return THOUGHT_TOKENS if model.thinks_unasked else 0
    return THOUGHT_TOKENS if budget < 0 else min(budget, THOUGHT_TOKENS)


def _saying(completion: Completion, text: str, config: Json) -> Completion:
    """The completion with this text, where there is one."""
    tokens = tokens_of(text)
    limit = config.get("max_output_tokens", len(tokens))
    reason = "length" if len(tokens) > limit else "stop"
    choices = tuple(
        replace(choice, tokens=tokens[:limit], finish_reason=reason) if choice.tokens else choice
        for choice in completion.choices
    )
    return replace(completion, choices=choices)


def _with_media(told: Told, body: Json, asked: Asked, *, stream: bool) -> Told:
    """What a model that draws or speaks answers."""
    openai = as_openai(body)
    if asked.model.task is Task.SPEECH:
        parts, tokens = spoken(body, openai, stream=stream)
        silent = without_text(told.completion)
        return replace(told, completion=silent, media=[parts], media_tokens={"AUDIO": tokens})
    if asked.model.task is not Task.IMAGE:
        return told
    if FILTERED_PHRASE in last_text(openai):
        return replace(told, reason="IMAGE_SAFETY")
    if _NO_PICTURE in last_text(openai):
        return told
    modalities = body.get("generation_config", {}).get("response_modalities", ["TEXT", "IMAGE"])
    completion = told.completion if "TEXT" in modalities else without_text(told.completion)
    drawn = pictures(body, openai)
    tokens = {"IMAGE": TOKENS_PER_PICTURE * len(drawn)}
    return replace(told, completion=completion, media=[drawn], media_tokens=tokens)
