"""Every model type with a place to call it at: a simulator, and what its document says.

A new model type is one more row here; every test of the suite is then asked of it, but for what its
row says it cannot do, with the reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.documents import document

GOOGLE_ACCOUNT = "SP-BRIDGE-4852-DEV"
"""The name of a secret with dashes, as the first description has it."""
NO_IMAGES = "the model reads texts only"
NO_THOUGHTS = "the model does not think aloud"
NOT_SHOWN = {"reasoning": "OpenAI does not show thoughts in chat completions"}
LITELLM = "LiteLLM"
"""Provider and model type; a server of its own has LiteLLM (`long_tail.py`)."""
JUDGED = {"unsupported": "bytes pass: what it cannot take is for the provider to say"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One model type at one place.

    `simulator` is which of the stage's it is, `endpoint` which of its addresses when it has others.
    `cannot` names aspects with the reason why there is nothing to prove. `thinker` is the model
    that thinks aloud, where it is another one. `answers` says whether the provider answers
    `/v1/responses` itself.
    """

    provider: str
    model_type: str
    simulator: str
    parameters: Mapping[str, Any]
    cannot: Mapping[str, str] = field(default_factory=dict)
    thinker: str | None = None
    endpoint: str | None = None
    answers: bool = False


GOOGLE = {"secret_name": GOOGLE_ACCOUNT, "gcp_project": "simulated", "location": "us-central1"}


AZURE = {"secret_name": "AZURE_SIMULATOR_KEY", "deployment_name": "chat"}


def _partner(model: str) -> dict[str, Any]:
    return {**GOOGLE, "model": model}


KINDS: Mapping[str, Kind] = {
    "openai": Kind(
        "OpenAI",
        "OpenAI",
        "openai",
        {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"},
        NOT_SHOWN | JUDGED,
        answers=True,
    ),
    "azure-dated": Kind(
        "Azure",
        "AzureOpenAI",
        "azure",
        {**AZURE, "api_version": "2024-10-21"},
        NOT_SHOWN | JUDGED,
        answers=True,
    ),
    "azure-v1": Kind("Azure", "AzureOpenAI", "azure", AZURE, NOT_SHOWN | JUDGED, answers=True),
    "foundry": Kind(
        "Azure",
        "AzureFoundry",
        "foundry",
        {"secret_name": "AZURE_SIMULATOR_KEY", "model": "gpt-4o-mini"},
        JUDGED,
        thinker="DeepSeek-R1",
        answers=True,
    ),
    "anthropic": Kind(
        "Anthropic",
        "Anthropic",
        "anthropic",
        {"secret_name": "ANTHROPIC_SIMULATOR_KEY", "model": "claude-opus-4-5"},
    ),
    "foundry-claude": Kind(
        "Azure",
        "AzureFoundry",
        "foundry-claude",
        {"secret_name": "AZURE_SIMULATOR_KEY", "deployment_name": "claude-haiku-4-5"},
    ),
    "vertex-claude": Kind(
        "Google",
        "GoogleVertexClaude",
        "vertex",
        _partner("claude-opus-4-5@20251101"),
    ),
    "vertex-gemini-2": Kind(
        "Google",
        "GoogleVertex",
        "vertex",
        _partner("gemini-2.5-flash"),
    ),
    "vertex-gemini-3": Kind(
        "Google",
        "GoogleVertex",
        "vertex",
        _partner("gemini-3-flash-preview"),
    ),
    "vertex-deepseek": Kind(
        "Google",
        "GoogleVertexDeepSeek",
        "vertex",
        _partner("deepseek-v3.2-maas"),
        {"images": NO_IMAGES} | JUDGED,
    ),
    "vertex-meta": Kind(
        "Google",
        "GoogleVertexMeta",
        "vertex",
        _partner("llama-4-maverick-17b-128e-instruct-maas"),
        {"reasoning": NO_THOUGHTS} | JUDGED,
    ),
    "vertex-qwen": Kind(
        "Google",
        "GoogleVertexQwen",
        "vertex",
        _partner("qwen/qwen3-235b-a22b-instruct-2507-maas"),
        {"images": NO_IMAGES, "reasoning": NO_THOUGHTS} | JUDGED,
    ),
    "vertex-openai": Kind(
        "Google",
        "GoogleVertexOpenAI",
        "vertex",
        _partner("openai/gpt-oss-120b-maas"),
        {"images": NO_IMAGES, "reasoning": NO_THOUGHTS} | JUDGED,
    ),
    "vertex-mistral": Kind(
        "Google",
        "GoogleVertexMistral",
        "vertex",
        _partner("mistral-medium-3"),
        thinker="magistral-medium-2509",
    ),
    "vertex-jamba": Kind(
        "Google",
        "GoogleVertexJamba",
        "vertex",
        _partner("jamba-1.5-large"),
        {
            "images": NO_IMAGES,
            "reasoning": NO_THOUGHTS,
            "json schema": "AI21's API takes json_object only",
            "forced tools": "AI21's API has no tool_choice",
        },
    ),
    "litellm-mistral": Kind(
        LITELLM,
        LITELLM,
        "mistral",
        {"secret_name": "MISTRAL_SIMULATOR_KEY", "litellm_model": "mistral/mistral-medium-latest"},
        thinker="mistral/magistral-medium-latest",
    ),
    "litellm-gemini": Kind(
        LITELLM,
        LITELLM,
        "ai-studio",
        {"secret_name": "STUDIO_SIMULATOR_KEY", "litellm_model": "gemini/gemini-2.5-flash"},
        thinker="gemini/gemini-3-flash-preview",
    ),
}


OWN = {name: kind for name, kind in KINDS.items() if kind.provider != LITELLM}
LONG_TAIL = {name: kind for name, kind in KINDS.items() if kind.provider == LITELLM}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "-toolless": {"enable_tools": False},
    "-lenient": {"drop_unsupported": True},
}


def documents(endpoints: Mapping[str, str], kinds: Mapping[str, Kind]) -> Iterable[dict[str, Any]]:
    """Return a document of each kind; thinkers are called `{kind}-thinker`."""
    for name, kind in kinds.items():
        parameters = {**kind.parameters, "endpoint": endpoints[kind.endpoint or kind.simulator]}
        for suffix, further in VARIANTS.items():
            yield document(name + suffix, kind.provider, kind.model_type, **parameters, **further)
        if kind.thinker is not None:
            named = "litellm_model" if kind.provider == LITELLM else "model"
            thinking = {**parameters, named: kind.thinker}
            yield document(f"{name}-thinker", kind.provider, kind.model_type, **thinking)


def able(aspect: str) -> pytest.MarkDecorator:
    """Parametrize a test by every kind that can do this."""
    return pytest.mark.parametrize(
        "model", [name for name, kind in KINDS.items() if aspect not in kind.cannot]
    )


def thinking(model: str) -> str:
    """Return the model of this kind that thinks aloud."""
    return model if KINDS[model].thinker is None else f"{model}-thinker"
