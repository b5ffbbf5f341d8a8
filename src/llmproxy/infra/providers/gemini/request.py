"""A chat completion request in Gemini's words.

| OpenAI | `generationConfig` |
|---|---|
| `temperature`, `top_p`, `top_k`, penalties, `seed` | the same, in Google's spelling |
| `n` | `candidateCount` |
| `max_completion_tokens`, `max_tokens` | `maxOutputTokens` |
| `stop` | `stopSequences` |
| `logprobs`, `top_logprobs` | `responseLogprobs`, `logprobs` |
| `response_format` | `responseMimeType`, and the schema as it stands in `responseJsonSchema` |
| `modalities` with `image` | `responseModalities` |
| `reasoning_effort` | `thinking.py` |

Source: Vertex AI v1, discovery revision 20261106, and google-genai 3.6.1 `models.py`, which sends
the same names. What the document sets as defaults is sent where the request leaves it out.
`parallel_tool_calls: false` cannot be said and is refused when there are tools; so are
`web_search_options`, `prediction`, `verbosity`, `logit_bias` and the like.
"""

from typing import Any

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.gemini.contents import conversation_of
from llmproxy.infra.providers.gemini.generation import Generation
from llmproxy.infra.providers.gemini.native import FIELDS, native_in
from llmproxy.infra.providers.gemini.thinking import thinking_for
from llmproxy.infra.providers.gemini.tools import NULL, tools_for
from llmproxy.infra.providers.translated.chat_request import invalid, typed_value, value_of
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.leftovers import NEUTRAL, left_out
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]

NUMBERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
}
SUPPORTED = (
    FIELDS
    | NUMBERS.keys()
    | {"max_tokens", "max_completion_tokens", "seed", "stop", "logprobs", "top_logprobs"}
    | {"tools", "tool_choice", "parallel_tool_calls"}
    | {"response_format", "reasoning_effort", "modalities"}
)
MAX_SEED = 2**31
_ABSENT = (None, b"null")
_number = msgspec.json.Decoder(float | int | None)
_stop = msgspec.json.Decoder(str | list[str] | None)
_modalities = msgspec.json.Decoder(list[str] | None)


class _Schema(msgspec.Struct):
    schema: msgspec.Raw = NULL
    description: str | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


_format = msgspec.json.Decoder(_Format | None)


class Asked(msgspec.Struct):
    """The body to send, and what is to be told about it."""

    body: Json
    remarks: Remarks


class Requests:
    """Translates the requests to one deployment."""

    def __init__(self, generation: Generation, parameters: Parameters, kept: KeptReasoning) -> None:
        self._generation = generation
        self._lenient = parameters.drop_unsupported
        self._kept = kept
        defaults = parameters.request_defaults
        self._defaults = {
            word: defaults[name] for name, word in NUMBERS.items() if defaults.get(name) is not None
        }
        self._max_tokens = defaults.get("max_tokens")

    def read(self, call: Call) -> Asked:
        """Return what is asked for. Raises InvalidRequest for what cannot be said."""
        remarks = Remarks(call.model, self._lenient)
        remarks.dropped += left_out(call, SUPPORTED, drop_unsupported=self._lenient)
        said = conversation_of(call, self._kept, self._generation, remarks)
        body: Json = {"contents": said.contents}
        if said.system:
            body["systemInstruction"] = {"parts": said.system}
        _say_tools(call, body, remarks)
        native = native_in(call)
        config = self._config(call, remarks)
        thinking = thinking_for(value_of(call, "reasoning_effort"), self._generation, remarks)
        if native.thinking is not None:
            if thinking is not None:
                raise invalid("reasoning_effort", "it stands beside google.thinking_config")
            thinking = native.thinking
        if thinking is not None:
            config["thinkingConfig"] = thinking
        if config:
            body["generationConfig"] = config
        return Asked(body | native.fields, remarks)

    def _config(self, call: Call, remarks: Remarks) -> Json:
        config: Json = dict(self._defaults)
        for name, word in NUMBERS.items():
            text = call.body.value(name)
            if text in _ABSENT:
                continue
            config.pop(word, None)
            if text not in NEUTRAL.get(name, ()):
                typed_value(_number, call, name)
                config[word] = msgspec.Raw(text)
        self._say_ends(call, config)
        _say_logprobs(call, config)
        _say_format(call, config, remarks)
        _say_modalities(call, config, remarks)
        return config

    def _say_ends(self, call: Call, config: Json) -> None:
        bounds = (call.body.value("max_completion_tokens"), call.body.value("max_tokens"))
        bound = next((text for text in bounds if text not in _ABSENT), None)
        if bound is not None:
            config["maxOutputTokens"] = msgspec.Raw(bound)
        elif self._max_tokens is not None:
            config["maxOutputTokens"] = self._max_tokens
        stop = typed_value(_stop, call, "stop")
        if stop:
            config["stopSequences"] = [stop] if isinstance(stop, str) else stop
        seed = value_of(call, "seed")
        if seed is not None:
            if type(seed) is not int or not -MAX_SEED <= seed < MAX_SEED:
                raise invalid("seed", "it must be a whole number of 32 bits for this model")
            config["seed"] = seed


def _say_tools(call: Call, body: Json, remarks: Remarks) -> None:
    tools = tools_for(call)
    if not tools.declared:
        return
    body["tools"] = [{"functionDeclarations": tools.declared}]
    if tools.config is not None:
        body["toolConfig"] = {"functionCallingConfig": tools.config}
    if call.body.value("parallel_tool_calls") == b"false":
        remarks.unsupported("parallel_tool_calls")


def _say_logprobs(call: Call, config: Json) -> None:
    top = call.body.value("top_logprobs")
    if call.body.value("logprobs") == b"true":
        config["responseLogprobs"] = True
        if top not in _ABSENT and top != b"0":
            config["logprobs"] = msgspec.Raw(top)
    elif top not in _ABSENT and top != b"0":
        raise invalid("top_logprobs", "it needs 'logprobs' to be true")


def _say_format(call: Call, config: Json, remarks: Remarks) -> None:
    wanted: _Format | None = typed_value(_format, call, "response_format")
    if wanted is None or wanted.type == "text":
        return
    if wanted.type not in ("json_object", "json_schema"):
        raise invalid("response_format.type", "it must be text, json_object or json_schema")
    config["responseMimeType"] = "application/json"
    if wanted.type == "json_object":
        return
    if wanted.json_schema is None:
        raise invalid("response_format.json_schema", "it is missing")
    if wanted.json_schema.description:
        remarks.drop("response_format.json_schema.description")
    schema = wanted.json_schema.schema
    if schema != NULL:
        config["responseJsonSchema"] = schema


def _say_modalities(call: Call, config: Json, remarks: Remarks) -> None:
    modalities: list[str] = typed_value(_modalities, call, "modalities") or []
    if not {"text", "image"}.issuperset(modalities):
        remarks.impossible("modalities", "this model's answers hold text and images only")
    elif "image" in modalities:
        config["responseModalities"] = [word.upper() for word in modalities]
