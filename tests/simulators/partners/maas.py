"""`POST …/endpoints/openapi/chat/completions`: open models that Google serves on OpenAI's wire.

Names, `max_tokens` and the streams of Llama (no role in the deltas; an empty answer has role and
finish_reason in one chunk): litellm 1.110.2, `llms/vertex_ai/vertex_ai_partner_models/llama` and
`gpt_oss`. An error stands in an array of one, a model of another publisher is a 404: ogx pull 4219.
What is said to an unknown parameter was not seen anywhere; the shape is Google's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, json_bytes, stream_answer
from tests.simulators.faults import fault_named
from tests.simulators.gemini.errors import google_error
from tests.simulators.model import Completion, complete, last_text
from tests.simulators.partners.asked import (
    Asked,
    Json,
    body_of,
    chunks,
    plain,
    with_reasoning_counted,
)
from tests.simulators.rules import Body, check_chat

SAY_NOTHING = "say nothing"  # as the whole last message: an answer without a token


@dataclass(frozen=True, slots=True)
class MaasModel:
    """An open model. `nameless`: its chunks have no `delta.role`."""

    thinks_aloud: bool = False
    takes_effort: bool = False
    nameless: bool = False


MAAS_MODELS: Mapping[str, MaasModel] = {
    "deepseek-ai/deepseek-v3.2-maas": MaasModel(thinks_aloud=True),
    "meta/llama-4-maverick-17b-128e-instruct-maas": MaasModel(nameless=True),
    "meta/llama-3.3-70b-instruct-maas": MaasModel(nameless=True),
    "qwen/qwen3-235b-a22b-instruct-2507-maas": MaasModel(),
    "qwen/qwen3-next-80b-a3b-thinking-maas": MaasModel(thinks_aloud=True),
    "openai/gpt-oss-120b-maas": MaasModel(takes_effort=True),
}
PARAMETERS = frozenset(
    {
        "chat_template_kwargs",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
    }
)

_EFFORTS = ("low", "medium", "high")


def answer_maas(asked: Asked, models: Mapping[str, MaasModel] = MAAS_MODELS) -> Answer:
    """Check and answer one request. Raises RefusalError in Google's envelope."""
    try:
        body = body_of(asked.request)
        traits = _traits(asked, models)
        _check(body, asked.model, traits)
    except RefusalError as error:
        raise _in_googles_words(error, in_array=asked.errors_in_array) from error
    completion = _completed(body, asked.model, traits)
    if not body.get("stream"):
        return json_answer(_counted(plain(completion, body)))
    made = [_counted(chunk) for chunk in chunks(completion, body)]
    failing = google_error(503).envelope
    return replace(
        stream_answer(_nameless(made) if traits.nameless else made),
        stream_error=json_bytes([failing] if asked.errors_in_array else failing),
    )


def _traits(asked: Asked, models: Mapping[str, MaasModel]) -> MaasModel:
    publisher, _, name = asked.model.rpartition("/")
    if asked.model in models:
        return models[asked.model]
    if "/" not in publisher and fault_named(name) is not None:
        return MaasModel()
    words = (
        f"Publisher Model `projects/{asked.project}/locations/{asked.location}/publishers/"
        f"{publisher}/models/{name}` not found."
    )
    raise google_error(404, words)


def _check(body: Body, model: str, traits: MaasModel) -> None:
    known = PARAMETERS | {"reasoning_effort"} if traits.takes_effort else PARAMETERS
    for name in body:
        if name == "max_completion_tokens":
            raise google_error(400, f"Unsupported parameter: '{name}'. Use 'max_tokens' instead.")
        if name not in known:
            raise google_error(400, f"Unsupported parameter: '{name}'.")
    if body.get("reasoning_effort") not in (None, *_EFFORTS):
        raise google_error(400, "reasoning_effort must be one of: low, medium, high.")
    # OpenAI's own rules for formats are not theirs.
    check_chat({k: v for k, v in body.items() if k != "response_format"}, model=model)


def _in_googles_words(error: RefusalError, *, in_array: bool) -> RefusalError:
    envelope: Any = error.envelope
    if not isinstance(envelope["error"].get("code"), int):
        envelope = google_error(400, str(error)).envelope
    return RefusalError(error.status, str(error), envelope=[envelope] if in_array else envelope)


def _completed(body: Body, model: str, traits: MaasModel) -> Completion:
    completion = complete(body, model=model, thinks_aloud=traits.thinks_aloud)
    if last_text(body) == SAY_NOTHING:
        silent = tuple(replace(each, tokens=(), tool_calls=()) for each in completion.choices)
        return replace(completion, choices=silent, completion_tokens=1)
    return with_reasoning_counted(completion) if traits.thinks_aloud else completion


def _counted(answer: Json) -> Json:
    """Google's own figure in every usage: which kind of traffic it was."""
    if answer.get("usage"):
        answer["usage"]["extra_properties"] = {"google": {"traffic_type": "ON_DEMAND"}}
    return answer


def _nameless(made: list[Json]) -> list[Json]:
    """Llama's chunks: no opening one, no roles. Without content all stands in one chunk."""
    with_role = [chunk for chunk in made if "role" in _delta(chunk)]
    rest = [chunk for chunk in made if "role" not in _delta(chunk)]
    if not any(_delta(chunk) for chunk in rest):
        for opening, closing in zip(with_role, rest, strict=False):
            closing["choices"][0]["delta"] = _delta(opening)
    return rest


def _delta(chunk: Json) -> Json:
    return chunk["choices"][0]["delta"] if chunk["choices"] else {}
