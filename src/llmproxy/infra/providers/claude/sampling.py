"""`temperature` and `top_p` within what a Claude model takes.

Anthropic's temperature ends at 1, OpenAI's at 2. From 4.1 on only one of the two may be set; from
4.7 on neither, but to its default; with thinking neither to what narrows it (platform.claude.com,
"Thinking", feature compatibility, 2026-11). A value that is OpenAI's default asks for nothing; what
the document sets is not sent where the model or the request leaves no room for it.
"""

from collections.abc import Mapping
from typing import Any

from llmproxy.infra.providers.claude.generation import Generation
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]
LEAST_TOP_P_WITH_THINKING = 0.95
_DEFAULT = 1


def sampling_for(
    asked: Mapping[str, Any],
    defaults: Mapping[str, float],
    generation: Generation,
    remarks: Remarks,
    *,
    thinking: bool,
) -> Json:
    """Return the fields to send. `asked` are the request's, `defaults` the document's.

    Raises InvalidRequest naming the field that cannot be.
    """
    fields: Json = {}
    for name in ("temperature", "top_p"):
        value = asked.get(name)
        if value is not None and value != _DEFAULT:
            fault = _fault(name, value, generation, thinking=thinking)
            if fault is None and fields and generation.either_sampler:
                fault = "this model takes temperature or top_p, not both"
            if fault is None:
                fields[name] = value
            else:
                remarks.impossible(name, fault)
    for name in ("temperature", "top_p"):
        value = defaults.get(name)
        if value is None or value == _DEFAULT or asked.get(name) is not None:
            continue
        crowded = bool(fields) and generation.either_sampler
        if not crowded and _fault(name, value, generation, thinking=thinking) is None:
            fields[name] = value
    return fields


def _fault(name: str, value: float, generation: Generation, *, thinking: bool) -> str | None:
    if not generation.samples:
        return "this model takes no value but the default, 1"
    if name == "temperature" and value > 1:
        return "the provider of this model takes 0 to 1"
    if thinking and name == "temperature":
        return "it must be 1 with thinking"
    if thinking and value < LEAST_TOP_P_WITH_THINKING:
        return f"it must be at least {LEAST_TOP_P_WITH_THINKING} with thinking"
    return None
