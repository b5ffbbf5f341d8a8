"""What deployments and paths are called."""

from dataclasses import replace
from typing import Any

import pytest

from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.tracing.naming import OPERATIONS, Places, place_of, route_of
from tests.fakes.calls import google_model


def model(provider: str, kind: str, **parameters: Any) -> Model:  # noqa: ANN401
    """A document of this provider."""
    return replace(
        google_model("GoogleVertex", "x"),
        provider=provider,
        model_type=kind,
        parameters=Parameters(**parameters),
    )


@pytest.mark.parametrize(
    ("made", "provider", "name", "address", "port"),
    [
        (model("OpenAI", "OpenAI", model="gpt-4o"), "openai", "gpt-4o", "api.openai.com", 443),
        (
            model("OpenAI", "OpenAI", model="r1", endpoint="https://api.deepseek.com/v1"),
            "deepseek", "r1", "api.deepseek.com", 443,
        ),
        (
            model("OpenAI", "OpenAI", model="m", endpoint="http://127.0.0.1:11434/v1"),
            "openai", "m", "127.0.0.1", 11434,
        ),
        (
            model("OpenAI", "OpenAI", model="m", endpoint="https://notx.ai/v1"),
            "openai", "m", "notx.ai", 443,
        ),
        (
            model("Azure", "AzureOpenAI", deployment_name="chat", model="gpt-4o",
                  endpoint="https://ours.openai.azure.com/"),
            "azure.ai.openai", "chat", "ours.openai.azure.com", 443,
        ),
        (
            model("Azure", "AzureFoundry", model="phi", endpoint="https://ours.services.ai.azure.com"),
            "azure.ai.inference", "phi", "ours.services.ai.azure.com", 443,
        ),
        (
            model("Anthropic", "Anthropic", model="claude"),
            "anthropic", "claude", "api.anthropic.com", 443,
        ),
        (
            model("Google", "GoogleVertexClaude", model="claude", location="global"),
            "gcp.vertex_ai", "claude", "aiplatform.googleapis.com", 443,
        ),
        (
            model("Google", "GoogleVertex", model="g", location="eu"),
            "gcp.vertex_ai", "g", "aiplatform.eu.rep.googleapis.com", 443,
        ),
        (
            model("LiteLLM", "LiteLLM", extra={"litellm_model": "bedrock/us.claude/v1"}),
            "aws.bedrock", "us.claude/v1", None, None,
        ),
        (
            model("LiteLLM", "LiteLLM", extra={"litellm_model": "cohere/r"}),
            "cohere", "r", None, None,
        ),
        (model("Local", "Echo"), "llmproxy.echo", "shown", None, None),
    ],
)  # fmt: skip
def test_places(
    made: Model, provider: str, name: str, address: str | None, port: int | None
) -> None:
    """The provider in the conventions' words, its own name of the model, and its address."""
    assert place_of(made) == (provider, name, "shown", address, port)


def test_a_document_that_changes() -> None:
    """What was worked out of its last version does not stay."""
    places = Places()
    before, after = (model("OpenAI", "OpenAI", model=name) for name in ("old", "new"))
    assert places.of(before).model == places.of(before).model == "old"
    assert places.of(after).model == "new"


def test_every_endpoint_has_an_operation() -> None:
    """None can be asked for that the conventions have no word of ours for."""
    assert set(OPERATIONS) == set(Endpoint)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/responses/resp_1", "/v1/responses/{response_id}"),
        ("/v1/responses/resp_1/input_items", "/v1/responses/{response_id}/input_items"),
        ("/v1/responses/resp_1/other", None),
        ("/v1/models/a/b", "/v1/models/{model}"),
        ("/v1/files", None),
    ],
)
def test_routes(path: str, route: str | None) -> None:
    """Templates, so that what anybody may write is no name of a span."""
    assert route_of(path) == route
