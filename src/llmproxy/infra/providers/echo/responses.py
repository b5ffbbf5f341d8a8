"""Responses: the last text of the input comes back, and nothing is kept."""

import time
from collections.abc import Iterator

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.words import Said, check_length, refused, said
from llmproxy.infra.wire.unreadable import UNREADABLE

_QUIET = "The echo model repeats the last text of your input; it held none."
_encode = msgspec.json.Encoder().encode


class _Item(msgspec.Struct):
    content: str | list[dict[str, msgspec.Raw]] | None = None


_input = msgspec.json.Decoder(str | list[_Item] | None)


def response_answer(call: Call) -> tuple[dict[str, object], Usage]:
    """Return the response in one piece."""
    spoken, usage = _echo(call)
    return _completed(call, spoken, usage), usage


def response_events(call: Call) -> tuple[Iterator[bytes], Usage]:
    """Return the response word by word."""
    spoken, usage = _echo(call)
    return _numbered(_events(call, spoken, usage)), usage


def _numbered(events: Iterator[dict[str, object]]) -> Iterator[bytes]:
    for number, each in enumerate(events):
        data = _encode({**each, "sequence_number": number})
        yield b"event: %b\ndata: %b\n\n" % (str(each["type"]).encode("ascii"), data)


def _events(call: Call, spoken: Said, usage: Usage) -> Iterator[dict[str, object]]:
    begun = _response(call, "in_progress", [], None)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    item = _message(call, "in_progress", [])
    yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield {"type": "response.content_part.added", **where, "part": _part("")}
    for word in spoken.words:
        yield {"type": "response.output_text.delta", **where, "delta": word, "logprobs": []}
    text = "".join(spoken.words)
    yield {"type": "response.output_text.done", **where, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": _part(text)}
    whole = _completed(call, spoken, usage)
    done = _message(call, str(whole["status"]), [_part(text)])
    yield {"type": "response.output_item.done", "output_index": 0, "item": done}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _echo(call: Call) -> tuple[Said, Usage]:
    try:
        given = _input.decode(call.body.value("input") or b"null")
        items = [_Item(given)] if isinstance(given, str) else given or []
        texts = [_text(item) for item in items]
    except UNREADABLE as error:
        raise refused(f"Invalid 'input': {error}.", "input", "invalid_type") from error
    check_length("input", texts)
    last = texts[-1] if texts and texts[-1].strip() else _QUIET
    spoken = said(last, call.max_output_tokens)
    counted = sum(len(text.split()) for text in texts)
    return spoken, Usage(input_tokens=counted, output_tokens=len(spoken.words))


def _text(item: _Item) -> str:
    if isinstance(item.content, list):
        texts = (part["text"] for part in item.content if "text" in part)
        return "\n".join(str(msgspec.json.decode(text)) for text in texts)
    return item.content or ""


def _completed(call: Call, spoken: Said, usage: Usage) -> dict[str, object]:
    status = "completed" if spoken.finish == "stop" else "incomplete"
    message = _message(call, status, [_part("".join(spoken.words))])
    whole = _response(call, status, [message], usage)
    if status == "incomplete":
        whole["incomplete_details"] = {"reason": "max_output_tokens"}
    return whole


def _part(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(call: Call, status: str, content: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": f"msg_{call.request_id.removeprefix('req_')}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _response(
    call: Call, status: str, output: list[dict[str, object]], usage: Usage | None
) -> dict[str, object]:
    return {
        "id": f"resp_{call.request_id.removeprefix('req_')}",
        "object": "response",
        "created_at": int(time.time()),  # noqa: TID251 - a field of the answer, not a measure
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": call.max_output_tokens,
        "metadata": {},
        "model": call.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None if usage is None else _wire_usage(usage),
    }


def _wire_usage(usage: Usage) -> dict[str, object]:
    total_in, total_out = usage.total_input_tokens, usage.total_output_tokens
    return {
        "input_tokens": total_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": total_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": total_in + total_out,
    }
