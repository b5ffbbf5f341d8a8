"""Desk: what a request for a response must look like, for its compaction, or to count its input.

Bounds are those of OpenAI's API description (CreateResponse, CompactResponseMethodPublicBody,
TokenCountsBody). A field that is null counts as absent. Fields that the gateway does not act on
reach the provider as they are.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.usage import Usage
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    between,
    boolean,
    decoded,
    json_object,
    model_name,
    read_fields,
    read_optional,
    text,
    text_of_at_most,
    whole,
    wrong_type,
)
from llmproxy.infra.wire.json_object import JsonObject

LEAST_OUTPUT_TOKENS = 16
_KINDS: Mapping[bytes, object] = {b"{": {}, b"t": True, b"f": False}


def response_request(raw: bytes) -> Asked:
    """Check a request for a response. Raises InvalidRequest naming the first field at fault."""
    body = json_object(raw)
    prompt = _given(body, "prompt")
    prompted = prompt is not None
    if prompt is not None and bytes(prompt)[:1] != b"{":
        raise wrong_type("prompt", "an object", decoded("prompt", prompt))
    values = (read_optional if prompted else read_fields)(body, CHECKS)
    _check_conversation(body)
    _check_input(body)
    if (
        not prompted
        and values.get("previous_response_id") is None
        and _given(body, "input") is None
    ):
        raise InvalidRequest(
            'One of "input" or "previous_response_id" or \'prompt\' must be provided.',
            code="missing_required_parameter",
        )
    asked = Asked(
        body,
        values.get("model") or "",
        stream=values.get("stream") is True,
        max_output_tokens=values.get("max_output_tokens"),
    )
    asked.background = values.get("background") is True
    asked.previous = values.get("previous_response_id")
    return asked


def compact_request(raw: bytes) -> Asked:
    """Check a request to compact a conversation. Raises InvalidRequest."""
    body = json_object(raw)
    values = read_fields(body, SHARED)
    _check_conversation(body)
    _check_input(body)
    asked = Asked(body, values["model"])
    asked.previous = values.get("previous_response_id")
    return asked


def input_tokens_request(raw: bytes) -> Asked:
    """Check a request to count tokens, which OpenAI does not charge for. Raises InvalidRequest."""
    body = json_object(raw)
    values = read_optional(body, SHARED)
    _check_conversation(body)
    _check_input(body)
    asked = Asked(body, values.get("model") or "", max_output_tokens=0, counted=Usage())
    asked.previous = values.get("previous_response_id")
    return asked


def _given(body: JsonObject, field: str) -> msgspec.Raw | None:
    value = body.fields.get(field)
    return None if value is None or bytes(value) == b"null" else value


def _check_input(body: JsonObject) -> None:
    given = _given(body, "input")
    start = b'"' if given is None else bytes(given)[:1]
    if start not in {b'"', b"["}:
        raise wrong_type("input", "a string or an array", _KINDS.get(start, 0))


def _check_conversation(body: JsonObject) -> None:
    """Refuse what the provider would keep for all projects alike."""
    if _given(body, "conversation") is not None:
        raise InvalidRequest(
            "Unsupported parameter: 'conversation' is not supported by this gateway.",
            param="conversation",
            code="unsupported_parameter",
            hint="Go on with `previous_response_id`, or send the earlier items in `input`.",
        )


SHARED: Mapping[str, Check] = {"model": model_name, "previous_response_id": text}
CHECKS: Mapping[str, Any] = {
    **SHARED,
    "stream": boolean,
    "background": boolean,
    "store": boolean,
    "parallel_tool_calls": boolean,
    "temperature": between(0, 2),
    "top_p": between(0, 1),
    "top_logprobs": whole(0, 20),
    "max_output_tokens": whole(LEAST_OUTPUT_TOKENS, None),
    "safety_identifier": text_of_at_most(64),
}
