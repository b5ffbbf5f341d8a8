"""`/v1/responses` and what lies below it: made, streamed, kept, listed, cancelled and deleted.

The text answers the last user message as in `model.py`; `call a tool` calls the first function,
`fail at once` and `fail later` end in `response.failed`. With `background` a response stays queued
until it is asked for a second time. Rules and shapes: OpenAI's API description 2.3.0
(CreateResponse, Response, ResponseStreamEvent, ResponseItemList, CompactResource,
TokenCountsResource).
"""

import hashlib
import itertools
import json
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, typed_stream
from tests.simulators.chat import CREATED
from tests.simulators.http import Request
from tests.simulators.model import is_reasoning, tokens_of
from tests.simulators.operations.operation import Asked, Operation
from tests.simulators.operations.response_events import events_of
from tests.simulators.rules import Body, check_number, decoded, unknown_parameter

PARAMETERS = frozenset(
    (
        "background",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    )
)
_numbers = itertools.count(1)
STORED = "responses/"
"""What a path begins with that asks for a stored response by its id."""


def responses(asked: Asked) -> Answer:
    """Make a response."""
    body = decoded(asked.request.body)
    _check(body)
    kept = asked.kept.setdefault("responses", {})
    before = _before(body, kept)
    response = _made(asked, body, before)
    if body.get("store") is not False:
        kept[response["id"]] = {"response": response, "body": body, "looks": 0}
    headers = asked.headers(response["usage"]["total_tokens"])
    if body.get("stream"):
        return typed_stream(events_of(response), headers)
    if body.get("background"):
        return json_answer(_queued(response), headers=headers, indent=2)
    return json_answer(response, headers=headers, indent=2)


def compact(asked: Asked) -> Answer:
    """Make one item of many."""
    body = decoded(asked.request.body)
    _before(body, asked.kept.setdefault("responses", {}))
    item = {"id": "cmp_1", "type": "compaction", "encrypted_content": "c2hvcnQ="}
    answer = {
        "id": f"resp_{next(_numbers):048x}",
        "object": "response.compaction",
        "created_at": CREATED,
        "output": [item],
        "usage": _usage(_size(body), 2, 0),
    }
    return json_answer(answer, headers=asked.headers(2), indent=2)


def input_tokens(asked: Asked) -> Answer:
    """Count, and make nothing."""
    body = decoded(asked.request.body)
    answer = {"object": "response.input_tokens", "input_tokens": _size(body)}
    return json_answer(answer, headers=asked.headers(None), indent=2)


def stored(request: Request, below: str, kept: dict[str, Any]) -> Answer:
    """Answer what is asked of one response: `below` is the path behind `responses/`."""
    name, _, action = below.partition("/")
    entry = kept.get("responses", {}).get(name)
    if entry is None:
        raise RefusalError(404, f"Response with id '{name}' not found.")
    known = {
        ("GET", ""): _retrieve,
        ("GET", "input_items"): _input_items,
        ("POST", "cancel"): _cancel,
    }
    if (request.method, action) == ("DELETE", ""):
        del kept["responses"][name]
        return json_answer({"id": name, "object": "response", "deleted": True}, indent=2)
    handler = known.get((request.method, action))
    if handler is None:
        raise RefusalError(405, "Not allowed.", code="method_not_supported")
    return handler(request, entry)


def _retrieve(request: Request, entry: dict[str, Any]) -> Answer:
    response = entry["response"]
    if request.parameter("stream") == "true":
        after = int(request.parameter("starting_after") or -1)
        return typed_stream([e for e in events_of(response) if e["sequence_number"] > after])
    entry["looks"] += 1
    if response["background"] and entry["looks"] == 1:
        response = _queued(response)
    return json_answer(response, indent=2)


def _input_items(request: Request, entry: dict[str, Any]) -> Answer:
    given = entry["body"].get("input") or []
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    items = [
        {
            "id": f"msg_{number}",
            "type": "message",
            "role": each.get("role", "user"),
            "content": [{"type": "input_text", "text": each.get("content")}],
        }
        for number, each in enumerate(messages)
    ]
    if request.parameter("order") != "asc":
        items.reverse()
    wanted = items[: int(request.parameter("limit") or 20)]
    answer = {
        "object": "list",
        "data": wanted,
        "first_id": wanted[0]["id"] if wanted else None,
        "last_id": wanted[-1]["id"] if wanted else None,
        "has_more": len(wanted) < len(items),
    }
    return json_answer(answer, indent=2)


def _cancel(_: Request, entry: dict[str, Any]) -> Answer:
    response = entry["response"]
    if not response["background"]:
        raise RefusalError(400, f"Response '{response['id']}' is not a background response.")
    entry["response"] = response | {"status": "cancelled", "output": [], "usage": None}
    return json_answer(entry["response"], indent=2)


def _check(body: Body) -> None:
    for name in body:
        if name not in PARAMETERS:
            raise unknown_parameter(name)
    for name, kind, low, high in (
        ("temperature", "decimal", 0, 2),
        ("top_p", "decimal", 0, 1),
        ("max_output_tokens", "integer", 16, None),
    ):
        if body.get(name) is not None:
            check_number(name, kind, body[name], low, high)
    if body.get("background") and body.get("store") is False:
        raise RefusalError(400, "Background responses must be stored.", param="background")


def _before(body: Body, kept: dict[str, Any]) -> dict[str, Any] | None:
    name = body.get("previous_response_id")
    if name is None:
        return None
    if name not in kept:
        raise RefusalError(
            400,
            f"Previous response with id '{name}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return dict(kept[name]["response"])


def _said(body: Body) -> str:
    given = body.get("input") or ""
    if isinstance(given, str):
        return given
    content = given[-1].get("content", "") if given else ""
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def _size(body: Body) -> int:
    return len(tokens_of(json.dumps(body.get("input") or "")))


def _text(body: Body, before: dict[str, Any] | None) -> str:
    said = _said(body)
    if said.startswith("count to "):
        return " ".join(str(number) for number in range(1, int(said.split()[2]) + 1))
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(dict.fromkeys(wanted["schema"]["properties"], said))
    earlier = "" if before is None else f" (after {before['output'][-1]['content'][0]['text']})"
    return f"Simulated answer to: {said}{earlier}"


def _output(asked: Asked, body: Body, text: str, digest: str) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if is_reasoning(asked.model):
        output.append({"id": f"rs_{digest}", "type": "reasoning", "summary": []})
    tools = [tool for tool in body.get("tools") or [] if tool.get("type") == "function"]
    if tools and "call a tool" in _said(body):
        return [
            *output,
            {
                "id": f"fc_{digest}",
                "type": "function_call",
                "status": "completed",
                "arguments": '{"city":"Recife"}',
                "call_id": f"call_{digest}",
                "name": tools[0]["name"],
            },
        ]
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    message = {"id": f"msg_{digest}", "type": "message", "status": "completed"}
    return [*output, message | {"content": [part], "role": "assistant"}]


def _usage(read: int, written: int, reasoned: int) -> dict[str, Any]:
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written + reasoned,
        "output_tokens_details": {"reasoning_tokens": reasoned},
        "total_tokens": read + written + reasoned,
    }


def _made(asked: Asked, body: Body, before: dict[str, Any] | None) -> dict[str, Any]:
    digest = hashlib.sha256(f"{next(_numbers)}".encode()).hexdigest()[:48]
    text = _text(body, before)
    limit = body.get("max_output_tokens")
    tokens = tokens_of(text)
    short = limit is not None and len(tokens) > limit
    failed = "fail at once" in _said(body) or "fail later" in _said(body)
    status = "failed" if failed else "incomplete" if short else "completed"
    error = {"code": "server_error", "message": "The model failed."} if failed else None
    output = _output(asked, body, "".join(tokens[:limit]), digest)
    at_once = "fail at once" in _said(body)
    return {
        "id": f"resp_{digest}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": bool(body.get("background")),
        "error": error,
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": limit,
        "metadata": body.get("metadata") or {},
        "model": asked.model,
        "output": [] if at_once else output,
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": body.get("store") is not False,
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(
            _size(body), min(len(tokens), limit or len(tokens)), 64 * is_reasoning(asked.model)
        ),
    }


def _queued(response: dict[str, Any]) -> dict[str, Any]:
    if response["status"] == "cancelled":
        return response
    return response | {"status": "queued", "output": [], "usage": None}


RESPONSES = Operation(responses)
COMPACT = Operation(compact)
INPUT_TOKENS = Operation(input_tokens)
