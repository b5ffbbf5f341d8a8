"""Calls and deployments of Claude for tests, without a network."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.caller import Caller
from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.claude.events import ClaudeReader
from llmproxy.infra.providers.claude.sites import SITES
from llmproxy.infra.providers.claude.translation import ClaudeChat
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Sent
from llmproxy.infra.providers.transport.target import target
from llmproxy.infra.wire.json_object import JsonObject

Json = dict[str, Any]
CALLER = Caller(key_id="key_1", project="alpha", models=None, admin=False, expires_at=None)
HELLO: Json = {"messages": [{"role": "user", "content": "Hello"}]}
NEEDED = {
    "Anthropic": {"endpoint": "https://api.example"},
    "AzureFoundry": {"endpoint": "https://foundry.example/anthropic"},
    "GoogleVertexClaude": {"gcp_project": "p", "location": "us-east5"},
}


def call(body: Json) -> Call:
    """Return a call for the model `claude` of a client's."""
    asked = JsonObject(json.dumps({"model": "claude", **body}).encode())
    return Call(
        request_id="r",
        caller=CALLER,
        endpoint=Endpoint.CHAT_COMPLETIONS,
        operation=Operation.CHAT_COMPLETION,
        model="claude",
        body=asked,
        prompt_bytes=len(asked.raw),
        max_output_tokens=None,
        choices=1,
        stream=body.get("stream") is True,
        silence_s=None,
        started_at=0.0,
    )


def model(name: str, model_type: str = "Anthropic", **parameters: Any) -> Model:  # noqa: ANN401
    """Return a registered model; `name` is the provider's."""
    return Model(
        id="claude",
        code="claude",
        name="Claude",
        provider="Any",
        model_type=model_type,
        projects=frozenset(),
        private=False,
        parameters=Parameters(model=name, **{**NEEDED[model_type], **parameters}),
        price=None,
        operations=frozenset(),
        document={},
    )


def chat(
    name: str = "claude-sonnet-4-5",
    model_type: str = "Anthropic",
    kept: KeptReasoning | None = None,
    **parameters: Any,  # noqa: ANN401
) -> ClaudeChat:
    """Return the translation of a deployment."""
    registered = model(name, model_type, **parameters)
    site = SITES[model_type](target, registered, Secret("sk-1"))
    return ClaudeChat(site, registered, kept or KeptReasoning())


def sent(translation: ClaudeChat, body: Json) -> tuple[Sent, Json]:
    """Return what goes to the provider, and its body."""
    made = asyncio.run(translation.request(call(body)))
    decoded: Json = json.loads(made.body)
    return made, decoded


def answered(translation: ClaudeChat, answer: bytes) -> Json:
    """Return the completion that an answer becomes."""
    asked = call(HELLO)
    made = asyncio.run(translation.request(asked))
    whole: Json = json.loads(asyncio.run(translation.answer(asked, made, answer)).body)
    return whole


def framed(events: Iterable[Json]) -> bytes:
    """Return events as Anthropic sends them."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def reader(*, include_usage: bool = True, kept: KeptReasoning | None = None) -> ClaudeReader:
    """Return the reader of one streamed answer."""
    options = {"include_usage": include_usage}
    asked = call({**HELLO, "stream": True, "stream_options": options})
    return ClaudeReader(asked, kept or KeptReasoning())
