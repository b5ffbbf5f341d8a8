"""Calls and deployments of these vendors for tests, without a network."""

import asyncio
import json
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.near_openai.translation import MANNERS, NearOpenAIChat
from llmproxy.infra.providers.translated.translation import Sent
from llmproxy.infra.providers.transport.target import target
from tests.fakes.calls import google_model

MISTRAL, JAMBA = "GoogleVertexMistral", "GoogleVertexJamba"
NAMES = {MISTRAL: "mistral-medium-3", JAMBA: "jamba-1.5-large"}


def near_openai(model_type: str, **parameters: Any) -> NearOpenAIChat:  # noqa: ANN401
    """Return the translation of a deployment."""
    model = google_model(model_type, NAMES[model_type], **parameters)
    return NearOpenAIChat(target, model, MANNERS[model_type])


def sent(translation: NearOpenAIChat, call: Call) -> tuple[Sent, dict[str, Any]]:
    """Return what goes to the provider, and its body."""
    made = asyncio.run(translation.request(call))
    body: dict[str, Any] = json.loads(made.body)
    return made, body


def answered(translation: NearOpenAIChat, call: Call, answer: bytes) -> dict[str, Any]:
    """Return the completion that an answer becomes."""
    made = asyncio.run(translation.request(call))
    whole: dict[str, Any] = json.loads(asyncio.run(translation.answer(call, made, answer)).body)
    return whole
