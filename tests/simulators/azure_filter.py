"""Azure's content filter: what it says of prompts and answers (learn.microsoft.com, "Content
filtering").
"""

from typing import Any

from tests.simulators.answer import RefusalError

Json = dict[str, Any]

_CATEGORIES = ("hate", "self_harm", "sexual", "violence")


def _safe(*, prompt: bool = False) -> Json:
    result: Json = {name: {"filtered": False, "severity": "safe"} for name in _CATEGORIES}
    return result | {"jailbreak": {"filtered": False, "detected": False}} if prompt else result


def filtered_prompt() -> RefusalError:
    message = (
        "The response was filtered due to the prompt triggering Azure OpenAI's content "
        "management policy. Please modify "
        "your prompt and retry."
    )
    found = _safe(prompt=True) | {"violence": {"filtered": True, "severity": "medium"}}
    error = {
        "message": message,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found},
    }
    return RefusalError(400, message, envelope={"error": error})


def _sorted(value: Json) -> Json:
    return dict(sorted(value.items()))


def _prompt_results() -> list[Json]:
    return [{"prompt_index": 0, "content_filter_results": _safe(prompt=True)}]


def annotated(answer: Json) -> Json:
    for choice in answer["choices"]:
        choice["content_filter_results"] = {} if "tool_calls" in choice["message"] else _safe()
    return _sorted(answer | {"prompt_filter_results": _prompt_results()})


def annotated_chunks(chunks: list[Json], *, late: bool) -> list[Json]:
    """The chunks with the filter's findings, behind the preamble that has no choice."""
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        said = bool(choice["delta"].get("content"))
        choice["content_filter_results"] = _safe() if said and not late else {}
    nameless: Json = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
    preamble = nameless | {"prompt_filter_results": _prompt_results()}
    if not late:
        return [preamble, *map(_sorted, chunks)]
    offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 64}
    found: Json = {
        "content_filter_offsets": offsets,
        "content_filter_results": _safe(),
        "finish_reason": None,
        "index": 0,
    }
    return [preamble, *map(_sorted, chunks), nameless | {"choices": [found]}]
