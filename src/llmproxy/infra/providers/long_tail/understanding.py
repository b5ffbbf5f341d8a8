"""What a provider understands of a request, as LiteLLM really translates it.

LiteLLM lists the parameters of each provider and then leaves some of them out without a word:
Cohere's `tool_choice` is listed and never sent (litellm 1.110.2
`llms/cohere/chat/v2_transformation.py`). So each is tried once, when a model is prepared: what
changes nothing in the translation is not understood.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, NamedTuple

from llmproxy.infra.providers.long_tail.importing import Foreign

JsonDict = dict[str, Any]

_TOOL: Final = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}
_SCHEMA: Final = {
    "name": "answer",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
}
PLAIN: Final[Mapping[str, object]] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 7,
    "max_completion_tokens": 7,
    "n": 2,
    "stop": ["end"],
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 7,
    "tools": [_TOOL],
    "parallel_tool_calls": False,
    "logprobs": True,
    "top_logprobs": 2,
    "logit_bias": {"7": 1},
    "user": "u",
    "prompt_cache_key": "k",
    "verbosity": "low",
    "service_tier": "flex",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
}
"""A value for each field that is not OpenAI's default."""

VARIANTS: Final[Mapping[str, Mapping[str, object]]] = {
    "tool_choice": {
        "none": "none",
        "auto": "auto",
        "required": "required",
        "function": {"type": "function", "function": {"name": "look"}},
    },
    "response_format": {
        "json_object": {"type": "json_object"},
        "json_schema": {"type": "json_schema", "json_schema": _SCHEMA},
    },
    "reasoning_effort": {
        level: level for level in ("none", "minimal", "low", "medium", "high", "xhigh")
    },
}
"""Fields whose values are understood or not, one by one."""

_WITH_TOOLS: Final = frozenset(("tool_choice", "parallel_tool_calls"))


class Understood(NamedTuple):
    """`fields` of a request, and of those in VARIANTS the `values`."""

    fields: frozenset[str]
    values: Mapping[str, frozenset[str]]

    def takes(self, field: str, value: object) -> bool:
        """Whether this value of an understood field is understood; others are not judged."""
        known = self.values.get(field)
        return known is None or variant(field, value) in known


def variant(field: str, value: object) -> str:
    """Return the word of VARIANTS that a value stands for, "?" for none of them."""
    word = value.get("type") if isinstance(value, dict) else value
    return word if isinstance(word, str) and word in VARIANTS[field] else "?"


def understood(config: Foreign, model: str) -> Understood:
    """Try every field on a provider's translator of parameters."""
    listed = frozenset(config.get_supported_openai_params(model=model))
    fields = {
        name
        for name, value in PLAIN.items()
        if name in listed and _changes(config, model, name, value)
    }
    values = {
        name: frozenset(
            word for word, value in words.items() if _changes(config, model, name, value)
        )
        for name, words in VARIANTS.items()
        if name in listed
    }
    fields |= {name for name, words in values.items() if words}
    return Understood(frozenset(fields), values)


def _changes(config: Foreign, model: str, name: str, value: object) -> bool:
    beside: JsonDict = {"tools": [_TOOL]} if name in _WITH_TOOLS else {}
    try:
        without = mapped(config, model, beside)
        return mapped(config, model, {**beside, name: value}) != without
    except Exception:  # noqa: BLE001 - a refusal is an answer too, whatever its class
        return False


def mapped(config: Foreign, model: str, parameters: JsonDict) -> JsonDict:
    """Return the provider's parameters for OpenAI's. Raises what LiteLLM raises."""
    made: JsonDict = config.map_openai_params(
        non_default_params=deepcopy(parameters), optional_params={}, model=model, drop_params=False
    )
    return made
