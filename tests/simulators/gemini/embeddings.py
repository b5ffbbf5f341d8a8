"""Embeddings of three generations: `:predict` (text-embedding-005 and its likes,
gemini-embedding-001), `:embedContent` and `:batchEmbedContents` (what google-genai 3.6.1 sends for
the Gemini models).

The vectors depend on nothing but the text, and are those of the simulated OpenAI. Limits: Vertex
AI's page "Get text embeddings" (2026): 250 texts a request, one for gemini-embedding-001; 2048
tokens a text, of which more are cut off unless `autoTruncate` is false; 20,000 tokens a request.
Words: langchain 5316 and onyx 2343 (`250 instance(s) is allowed per prediction. Actual: 512`).
Those for an unknown field or task of an instance were not seen anywhere.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from tests.simulators.answer import Answer, json_answer
from tests.simulators.gemini.asking import text_of_parts
from tests.simulators.gemini.errors import invalid, unable
from tests.simulators.gemini.messages import ENUMS
from tests.simulators.gemini.models import Model
from tests.simulators.gemini.reading import read
from tests.simulators.gemini.served import Asked
from tests.simulators.gemini.turns import check_parts
from tests.simulators.gemini.usage import TRAFFIC, details
from tests.simulators.model import tokens_of

Json = dict[str, Any]

MAX_INSTANCES = 250
MAX_TOKENS = 2048
MAX_REQUEST_TOKENS = 20_000
_INSTANCE = frozenset(("content", "task_type", "title", "mimeType"))
_PARAMETERS = frozenset(("outputDimensionality", "autoTruncate"))


@dataclass(frozen=True, slots=True)
class _Text:
    values: list[float]
    tokens: int
    truncated: bool


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of a text."""
    digest = hashlib.shake_256(repr(text).encode()).digest(2 * dimensions)
    return [number / 32768 for number in struct.unpack(f"<{dimensions}h", digest)]


def predict_embeddings(asked: Asked) -> Answer:
    """`:predict`: one vector an instance."""
    body = read("PredictRequest", asked.request.body)
    instances = body.get("instances", [])
    allowed = 1 if asked.model.one_instance else MAX_INSTANCES
    if not 1 <= len(instances) <= allowed:
        raise invalid(f"{allowed} instance(s) is allowed per prediction. Actual: {len(instances)}")
    parameters = body.get("parameters") or {}
    _check_names("parameters", parameters, _PARAMETERS)
    for index, instance in enumerate(instances):
        _check_instance(index, instance)
    told = [
        _embedded(
            instance["content"],
            asked.model,
            parameters.get("outputDimensionality"),
            cut=parameters.get("autoTruncate", True),
        )
        for instance in instances
    ]
    _check_total(told)
    characters = sum(len(instance["content"].replace(" ", "")) for instance in instances)
    answer = {
        "predictions": [
            {
                "embeddings": {
                    "statistics": {"truncated": each.truncated, "token_count": each.tokens},
                    "values": each.values,
                }
            }
            for each in told
        ],
        "metadata": {"billableCharacterCount": characters},
    }
    return json_answer(answer, headers=asked.headers, indent=2)


def embed_content(asked: Asked) -> Answer:
    """`:embedContent`: the vector of one content."""
    told = _of_content(read("EmbedContentRequest", asked.request.body), asked.model)
    answer = {
        "embedding": {"values": told.values},
        "usageMetadata": _usage([told]),
        "truncated": told.truncated,
    }
    return json_answer(answer, headers=asked.headers, indent=2)


def batch_embed_contents(asked: Asked) -> Answer:
    """`:batchEmbedContents`: a vector a request."""
    requests = read("BatchEmbedContentsRequest", asked.request.body).get("requests", [])
    if not 1 <= len(requests) <= MAX_INSTANCES:
        raise invalid(f"{MAX_INSTANCES} request(s) is allowed per batch. Actual: {len(requests)}")
    told = [_of_content(request, asked.model) for request in requests]
    _check_total(told)
    answer = {
        "embeddings": [{"values": each.values} for each in told],
        "usageMetadata": _usage(told),
    }
    return json_answer(answer, headers=asked.headers, indent=2)


def _check_names(where: str, value: Any, known: frozenset[str]) -> None:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise invalid(f"{where} is not an object.")
    for name in value:
        if name not in known:
            raise invalid(f"{where} has an unknown field: {name}.")


def _check_instance(index: int, instance: Any) -> None:  # noqa: ANN401 - any JSON value
    where = f"instances[{index}]"
    _check_names(where, instance, _INSTANCE)
    if not isinstance(instance.get("content"), str) or not instance["content"]:
        raise invalid("The text content is empty.")
    task = instance.get("task_type")
    if task is not None and task not in ENUMS["TaskType"]:
        raise invalid(f"{where}.task_type is not supported: {task}.")


def _of_content(request: Json, model: Model) -> _Text:
    if "content" not in request:
        raise unable("content is required.")
    check_parts(request["content"])
    config = request | request.get("embed_content_config", {})
    text = text_of_parts(request["content"])
    return _embedded(
        text, model, config.get("output_dimensionality"), cut=config.get("auto_truncate", True)
    )


def _embedded(text: str, model: Model, dimensions: int | None, *, cut: bool) -> _Text:
    wanted = model.dimensions if dimensions is None else dimensions
    if not isinstance(wanted, int) or not 1 <= wanted <= model.dimensions:
        raise unable(
            f"it has an outputDimensionality value of {wanted} but the supported range is from 1 "
            f"(inclusive) to {model.dimensions + 1} (exclusive). Update the value and try again."
        )
    tokens = tokens_of(text)
    if len(tokens) > MAX_TOKENS and not cut:
        raise _too_long(len(tokens), MAX_TOKENS)
    kept = "".join(tokens[:MAX_TOKENS])
    return _Text(vector(kept, wanted), min(len(tokens), MAX_TOKENS), len(tokens) > MAX_TOKENS)


def _check_total(told: list[_Text]) -> None:
    total = sum(each.tokens for each in told)
    if total > MAX_REQUEST_TOKENS:
        raise _too_long(total, MAX_REQUEST_TOKENS)


def _too_long(tokens: int, limit: int) -> Exception:
    return unable(
        f"the input token count is {tokens} but the model supports up to {limit}. Reduce the input "
        "token count and try again. You can also use the CountTokens API to calculate prompt token "
        "count and billable characters."
    )


def _usage(told: list[_Text]) -> Json:
    total = sum(each.tokens for each in told)
    return {
        "promptTokenCount": total,
        "totalTokenCount": total,
        "trafficType": TRAFFIC,
        "promptTokensDetails": details({"TEXT": total}),
    }
