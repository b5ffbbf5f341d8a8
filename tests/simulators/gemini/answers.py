"""What Google answers: whole, and in chunks (GenerateContentResponse of prediction_service.proto;
google-genai 3.6.1).

In a stream a function call is whole in one chunk, thoughts come before the text, `usageMetadata`
grows from chunk to chunk, and the last chunk has the `finishReason`; there is no `[DONE]`. A
candidate that the filter stops has no content.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.answer import Answer, Headers, json_answer, json_bytes
from tests.simulators.gemini.errors import error_in_stream
from tests.simulators.gemini.signatures import signature_of_call, signature_of_text
from tests.simulators.gemini.usage import Prompt, usage
from tests.simulators.model import Choice, Completion, tokens_of

Json = dict[str, Any]

CREATED = "2025-11-23T20:00:00.123456Z"
_LOGPROB = -0.125
_RATED = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that is answered. `reasons` are the finish reasons by candidate index, where they
    are not what the completion says.
    """

    completion: Completion
    prompt: Prompt
    thoughts: int = 0
    shows_thoughts: bool = False
    signs: bool = False
    names_calls: bool = False  # each call has an `id`
    logprobs: int | None = None  # how many alternatives, None: no logprobs at all
    reason: str | None = None
    media: list[list[Json]] = field(default_factory=list)  # parts, by candidate
    media_tokens: dict[str, int] = field(default_factory=dict)


def whole(told: Told) -> Json:
    """The plain answer."""
    candidates = [_candidate(told, choice) for choice in told.completion.choices]
    counted = usage(told.prompt, _said(told), told.thoughts)
    return _response(told, candidates, counted)


def chunks(told: Told) -> Iterator[Json]:
    """The chunks of a stream."""
    so_far: dict[str, int] = {}
    pieces = [piece for choice in told.completion.choices for piece in _pieces(told, choice)]
    for candidate, tokens in pieces:
        for modality, count in tokens.items():
            so_far[modality] = so_far.get(modality, 0) + count
        yield _response(told, [candidate], usage(told.prompt, so_far, told.thoughts))


def blocked(told: Told, reason: str, message: str) -> Json:
    """The answer to a prompt that is not let through: no candidates."""
    answer = _response(told, [], usage(told.prompt, {}))
    answer.pop("candidates")
    answer["promptFeedback"] = {"blockReason": reason, "blockReasonMessage": message}
    return answer


def answered(chunked: list[Json], headers: Headers, *, stream: bool, sse: bool) -> Answer:
    """The answer of one method: an object, a stream of events or, without `alt=sse`, an array."""
    if not stream:
        return json_answer(chunked[0], headers=headers, indent=2)
    if not sse:
        return json_answer(chunked, headers=headers, indent=2)
    kind = (("content-type", "text/event-stream"), ("content-disposition", "attachment"))
    return Answer(
        200,
        (*kind, *headers),
        events=tuple(json_bytes(each) for each in chunked),
        crlf=True,
        stream_error=error_in_stream(),
    )


def _response(told: Told, candidates: list[Json], counted: Json) -> Json:
    return {
        "candidates": candidates,
        "usageMetadata": counted,
        "modelVersion": told.completion.model,
        "createTime": CREATED,
        "responseId": told.completion.id.removeprefix("chatcmpl-"),
    }


def _said(told: Told) -> dict[str, int]:
    counted = {"TEXT": sum(_tokens_in(choice) for choice in told.completion.choices)}
    return counted | told.media_tokens


def _tokens_in(choice: Choice) -> int:
    return len(choice.tokens) + sum(len(tokens_of(call.arguments)) for call in choice.tool_calls)


def _reason(told: Told, choice: Choice) -> str:
    reasons = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
    return told.reason or reasons.get(choice.finish_reason, "STOP")


def _candidate(told: Told, choice: Choice) -> Json:
    reason = _reason(told, choice)
    if reason not in {"STOP", "MAX_TOKENS"}:
        return _stopped(choice, reason)
    parts = [*_thoughts(told, choice), *_calls(told, choice)]
    if choice.tokens:
        text: Json = {"text": choice.text}
        if told.signs:
            text["thoughtSignature"] = signature_of_text(choice.text)
        parts.append(text)
    if told.media:
        parts.extend(told.media[choice.index])
    candidate: Json = {"content": {"role": "model", "parts": parts}, "finishReason": reason}
    if choice.tokens:
        candidate["avgLogprobs"] = _LOGPROB
    if choice.tokens and told.logprobs is not None:
        candidate["logprobsResult"] = _logprobs(choice.tokens, told.logprobs)
    return _indexed(candidate, choice)


def _stopped(choice: Choice, reason: str) -> Json:
    candidate: Json = {"content": {"role": "model"}, "finishReason": reason}
    if reason == "MALFORMED_FUNCTION_CALL":
        candidate["finishMessage"] = "Malformed function call: print(default_api."
    else:
        candidate["safetyRatings"] = [_rating(name) for name in _RATED]
    return _indexed(candidate, choice)


def _rating(category: str) -> Json:
    blocked_by = category == "HARM_CATEGORY_DANGEROUS_CONTENT"
    rating: Json = {
        "category": category,
        "probability": "HIGH" if blocked_by else "NEGLIGIBLE",
        "probabilityScore": 0.9 if blocked_by else 0.1,
        "severity": "HARM_SEVERITY_HIGH" if blocked_by else "HARM_SEVERITY_NEGLIGIBLE",
        "severityScore": 0.9 if blocked_by else 0.1,
    }
    return {**rating, "blocked": True} if blocked_by else rating


def _indexed(candidate: Json, choice: Choice) -> Json:
    return {**candidate, "index": choice.index} if choice.index else candidate


def _thoughts(told: Told, choice: Choice) -> list[Json]:
    if not told.shows_thoughts or not choice.reasoning:
        return []
    return [{"text": choice.reasoning, "thought": True}]


def _calls(told: Told, choice: Choice) -> list[Json]:
    parts: list[Json] = []
    for number, call in enumerate(choice.tool_calls):
        args = json.loads(call.arguments)
        made: Json = {"name": call.name, "args": args}
        if told.names_calls:
            made = {"id": call.id, **made}
        part: Json = {"functionCall": made}
        if number == 0 and (told.signs or told.thoughts):
            part["thoughtSignature"] = signature_of_call(call.name, args)
        parts.append(part)
    return parts


def _logprobs(tokens: tuple[str, ...], top: int) -> Json:
    def one(token: str, rank: int) -> Json:
        said = token if rank == 0 else f"{token}{rank}"
        return {"token": said, "tokenId": 1000 + rank, "logProbability": _LOGPROB * (rank + 1)}

    return {
        "topCandidates": [
            {"candidates": [one(token, at) for at in range(top)]} for token in tokens
        ],
        "chosenCandidates": [one(token, 0) for token in tokens],
    }


def _pieces(told: Told, choice: Choice) -> Iterator[tuple[Json, dict[str, int]]]:
    """The candidate of each chunk, with the tokens it adds."""
    reason = _reason(told, choice)
    for part in _thoughts(told, choice):
        yield _piece(choice, [part]), {}
    for part, call in zip(_calls(told, choice), choice.tool_calls, strict=True):
        yield _piece(choice, [part]), {"TEXT": len(tokens_of(call.arguments))}
    if reason not in {"STOP", "MAX_TOKENS"}:
        yield _stopped(choice, reason), {}
        return
    for part in told.media[choice.index] if told.media else ():
        yield _piece(choice, [part]), {}
    if choice.tokens and not told.signs and not told.media:
        yield from _spoken(told, choice, reason)
        return
    yield from _spoken(told, choice, None)
    yield _last(told, choice, reason), dict(told.media_tokens)


def _spoken(
    told: Told, choice: Choice, reason: str | None
) -> Iterator[tuple[Json, dict[str, int]]]:
    """The text, token by token; the reason stands in its last chunk."""
    for number, token in enumerate(choice.tokens, 1):
        piece = _piece(choice, [{"text": token}])
        if told.logprobs is not None:
            piece["logprobsResult"] = _logprobs((token,), told.logprobs)
        if number == len(choice.tokens) and reason is not None:
            piece["finishReason"] = reason
        yield piece, {"TEXT": 1}


def _last(told: Told, choice: Choice, reason: str) -> Json:
    """A last chunk that says nothing more: Gemini 3 puts the text's signature there."""
    part: Json = {"text": ""}
    if told.signs and choice.tokens:
        part["thoughtSignature"] = signature_of_text(choice.text)
    return {**_piece(choice, [part]), "finishReason": reason}


def _piece(choice: Choice, parts: list[Json]) -> Json:
    return _indexed({"content": {"role": "model", "parts": parts}}, choice)
