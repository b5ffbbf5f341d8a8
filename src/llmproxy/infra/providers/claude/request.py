"""A chat completion request in Anthropic's words.

| OpenAI | Anthropic |
|---|---|
| `max_completion_tokens`, `max_tokens` | `max_tokens`; else the document's default, its \
`max_output_tokens`, or what `generation.py` says: Anthropic demands one |
| `stop` | `stop_sequences`; blank ones are refused there |
| `safety_identifier`, `user` | `metadata.user_id`, but no address or telephone number, which are \
refused there: those are left out and told |
| `service_tier` | `default` is `standard_only`, on Anthropic's own API |
| `response_format`, `reasoning_effort` | `output_format.py`, `thinking.py` |
| `n` above 1 | refused: there is one answer |
| what Anthropic documents and OpenAI does not have (`NATIVE`) | as it is |

Source: `types/message_create_params.py` of anthropic 2.12.0. `anthropic_beta` (a list, or text with
commas), of the request or the document, becomes the header.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.claude.generation import Generation
from llmproxy.infra.providers.claude.messages import conversation_of
from llmproxy.infra.providers.claude.output_format import output_format
from llmproxy.infra.providers.claude.sampling import sampling_for
from llmproxy.infra.providers.claude.thinking import Turn, thinking_for
from llmproxy.infra.providers.claude.tools import Tools, tools_for
from llmproxy.infra.providers.translated.chat_request import invalid, value_of
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.leftovers import left_out
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]

NATIVE = frozenset(
    ("cache_control", "context_management", "inference_geo", "speed", "top_k", "user_profile_id")
)
WORDS = frozenset(
    (
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "n"),
        *("user", "safety_identifier", "metadata", "service_tier", "tool_choice"),
        *("parallel_tool_calls", "response_format", "reasoning_effort"),
        *("thinking", "output_config", "anthropic_beta"),
    )
)
SUPPORTED = WORDS | NATIVE | {"tools"}
_READ = WORDS | NATIVE
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,20}")
_BETA = re.compile(r"[A-Za-z0-9_.-]+")
MAX_USER_ID = 256


class Asked(NamedTuple):
    """`body` without what a site adds; `betas` are the values of the header `anthropic-beta`."""

    body: Json
    betas: list[str]
    remarks: Remarks


class Requests:
    """Translates the requests to one deployment."""

    def __init__(
        self, generation: Generation, parameters: Parameters, kept: KeptReasoning, *, own: bool
    ) -> None:
        """`own`: it is Anthropic's own API, not a cloud's."""
        self._generation = generation
        self._parameters = parameters
        self._kept = kept
        self._own = own
        self._betas = _betas_in(parameters.extra.get("anthropic_beta"))

    def read(self, call: Call) -> Asked:
        """Return what is asked for. Raises InvalidRequest for what cannot be said."""
        lenient = self._parameters.drop_unsupported
        remarks = Remarks(call.model, lenient)
        remarks.dropped += left_out(call, SUPPORTED, drop_unsupported=lenient)
        values = {name: value_of(call, name) for name in call.body.fields if name in _READ}
        values = {name: value for name, value in values.items() if value is not None}
        if values.get("n", 1) != 1:
            raise invalid("n", "this model gives one answer at a time", code="unsupported_value")
        tools = tools_for(
            call,
            values.get("tool_choice"),
            parallel=values.get("parallel_tool_calls") is not False,
        )
        body: Json = {"max_tokens": self._max_tokens(values)}
        forgot = self._say_messages(call, body, remarks)
        _say_tools(tools, body)
        self._say_how(values, body, Turn(body["max_tokens"], tools.forced, forgot), remarks)
        self._say_who(values, body, remarks)
        body |= {name: values[name] for name in NATIVE if name in values}
        if call.stream:
            body["stream"] = True
        return Asked(body, [*self._betas, *_betas_in(values.get("anthropic_beta"))], remarks)

    def _max_tokens(self, values: Mapping[str, Any]) -> int:
        parameters = self._parameters
        bounds = (
            values.get("max_completion_tokens"),
            values.get("max_tokens"),
            parameters.request_defaults.get("max_tokens"),
            parameters.max_output_tokens,
        )
        given = next((bound for bound in bounds if bound is not None), None)
        return self._generation.default_max_tokens if given is None else int(given)

    def _say_messages(self, call: Call, body: Json, remarks: Remarks) -> bool:
        """Add the conversation; return whether thinking that must come back is lost."""
        turns = self._own and self._generation.system_turns
        said = conversation_of(call, self._kept, remarks, system_turns=turns)
        if said.system:
            body["system"] = said.system
        body["messages"] = said.messages
        return said.forgot

    def _say_how(self, values: Mapping[str, Any], body: Json, turn: Turn, remarks: Remarks) -> None:
        thinking = thinking_for(
            values.get("reasoning_effort"), values.get("thinking"), turn, self._generation, remarks
        )
        config = _object(values, "output_config")
        wanted = output_format(values.get("response_format"), remarks)
        if wanted is not None:
            config["format"] = wanted
        if thinking.effort is not None:
            config["effort"] = thinking.effort
        if config:
            body["output_config"] = config
        if thinking.config is not None:
            body["thinking"] = thinking.config
        defaults = self._parameters.request_defaults
        body |= sampling_for(values, defaults, self._generation, remarks, thinking=thinking.on)
        stops = _stops(values.get("stop"), remarks)
        if stops:
            body["stop_sequences"] = stops

    def _say_who(self, values: Mapping[str, Any], body: Json, remarks: Remarks) -> None:
        metadata = values.get("metadata")
        native = isinstance(metadata, dict) and metadata.keys() == {"user_id"}
        if metadata and not native:
            remarks.drop("metadata")
        elif metadata:
            body["metadata"] = metadata
        for name in ("safety_identifier", "user"):
            user = values.get(name)
            if user is None:
                continue
            told = str(user)
            if "metadata" in body or _PERSONAL.fullmatch(told) or len(told) > MAX_USER_ID:
                remarks.drop(name)
            else:
                body["metadata"] = {"user_id": told}
        self._say_tier(values.get("service_tier"), body, remarks)

    def _say_tier(self, tier: object, body: Json, remarks: Remarks) -> None:
        if tier in (None, "auto"):
            return
        if tier in ("default", "standard_only"):
            if self._own:
                body["service_tier"] = "standard_only"
        else:
            remarks.impossible("service_tier", "it must be auto or default for this model")


def _say_tools(tools: Tools, body: Json) -> None:
    if tools.tools:
        body["tools"] = tools.tools
    if tools.choice is not None:
        body["tool_choice"] = tools.choice


def _stops(value: object, remarks: Remarks) -> list[str]:
    stops = [value] if isinstance(value, str) else value or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise invalid("stop", "it must be text or a list of texts")
    if not all(stop.strip() for stop in stops):
        remarks.impossible("stop", "the provider of this model takes no blank stop sequence")
    return [stop for stop in stops if stop.strip()]


def _object(values: Mapping[str, Any], name: str) -> Json:
    value = values.get(name, {})
    if not isinstance(value, dict):
        raise invalid(name, "it must be an object")
    return dict(value)


def _betas_in(value: object) -> list[str]:
    if value is None:
        return []
    named = value.split(",") if isinstance(value, str) else value
    if not isinstance(named, list):
        raise invalid("anthropic_beta", "it must be text or a list of texts")
    betas = [str(beta).strip() for beta in named]
    if not all(_BETA.fullmatch(beta) for beta in betas):
        raise invalid("anthropic_beta", "it names something that is no beta")
    return betas
