"""Where each kind of OpenAI-wire model is called, with which credential and under which name."""

from typing import Any, NamedTuple

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.openai_wire.endpoints import ROWS, Incomplete, Site
from tests.fakes.documents import document

SECRET = Secret("k-1")
AZURE = "https://res.openai.azure.com"


class Called(NamedTuple):
    """Where a chat completion goes."""

    url: str | None
    headers: dict[str, str]
    model: str


def _site(kind: str, *, secret: Secret | None = SECRET, **parameters: Any) -> Site:  # noqa: ANN401
    provider = "OpenAI" if kind == "OpenAI" else "Azure"
    made = document(provider=provider, model_type=kind, code="mini", parameters=parameters)
    return ROWS[kind](parse_model(made).model, secret)


def _endpoint(kind: str, *, secret: Secret | None = SECRET, **parameters: Any) -> Called:  # noqa: ANN401
    site = _site(kind, secret=secret, **parameters)
    return Called(site.url(Endpoint.CHAT_COMPLETIONS), site.headers, site.model)


def test_openai() -> None:
    """OpenAI itself, and a compatible server with or without a key."""
    assert _endpoint("OpenAI", model="gpt-5") == Called(
        "https://api.openai.com/v1/chat/completions", {"authorization": "Bearer k-1"}, "gpt-5"
    )
    compatible = _endpoint("OpenAI", secret=None, endpoint="http://127.0.0.1:8080/v1/")
    assert compatible == Called("http://127.0.0.1:8080/v1/chat/completions", {}, "mini")


@pytest.mark.parametrize("endpoint", [AZURE, AZURE + "/", AZURE + "/openai"])
def test_azure_dated(endpoint: str) -> None:
    """A deployment and a version lead to the dated API."""
    made = _endpoint(
        "AzureOpenAI", endpoint=endpoint, deployment_name="my dep", api_version="2024-10-21"
    )

    assert made.url == (
        f"{AZURE}/openai/deployments/my%20dep/chat/completions?api-version=2024-10-21"
    )
    assert (made.headers, made.model) == ({"api-key": "k-1"}, "my dep")


@pytest.mark.parametrize(
    ("kind", "endpoint", "more", "model"),
    [
        ("AzureOpenAI", AZURE, {"deployment_name": "dep"}, "dep"),
        ("AzureOpenAI", AZURE + "/openai/v1/", {"deployment_name": "dep"}, "dep"),
        (
            "AzureOpenAI",
            AZURE + "/openai/v1",
            {"deployment_name": "dep", "api_version": "2024-10-21"},
            "dep",
        ),
        ("AzureOpenAI", AZURE, {"model": "gpt-5"}, "gpt-5"),
        ("AzureFoundry", AZURE, {"model": "DeepSeek-R1"}, "DeepSeek-R1"),
        ("AzureFoundry", AZURE + "/openai/v1", {}, "mini"),
    ],
)
def test_azure_v1(kind: str, endpoint: str, more: dict[str, str], model: str) -> None:
    """Without both, or when the endpoint says so, it is v1, where the deployment is the model."""
    made = _endpoint(kind, endpoint=endpoint, **more)

    assert made == Called(f"{AZURE}/openai/v1/chat/completions", {"api-key": "k-1"}, model)


@pytest.mark.parametrize("version", [None, "2024-08-01-preview"])
def test_foundry_legacy(version: str | None) -> None:
    """An endpoint that ends in `/models` is the legacy API, which passes unknown fields if told."""
    given = {} if version is None else {"api_version": version}
    made = _endpoint("AzureFoundry", endpoint="https://r.services.ai.azure.com/models", **given)

    expected = version or "2024-05-01-preview"
    assert made.url == (
        f"https://r.services.ai.azure.com/models/chat/completions?api-version={expected}"
    )
    assert made.headers == {"api-key": "k-1", "extra-parameters": "pass-through"}


@pytest.mark.parametrize("kind", ["AzureOpenAI", "AzureFoundry"])
def test_what_azure_cannot_do_without(kind: str) -> None:
    """Without a key or an endpoint the document is incomplete, and says in which field."""
    with pytest.raises(Incomplete, match=r"parameters\.secret_name"):
        _endpoint(kind, secret=None, endpoint=AZURE)


def test_names_cannot_change_the_url() -> None:
    """They are quoted, and no key stands in it."""
    made = _endpoint(
        "AzureOpenAI", endpoint=AZURE, deployment_name="a/../b?c=d", api_version="2024-10-21"
    )
    assert made.url is not None
    assert made.url.endswith(
        "/deployments/a%2F..%2Fb%3Fc%3Dd/chat/completions?api-version=2024-10-21"
    )
    assert "k-1" not in made.url


V1 = f"{AZURE}/openai/v1"
DATED = f"{AZURE}/openai/deployments/dep"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (Endpoint.EMBEDDINGS, f"{DATED}/embeddings?api-version=2024-10-21"),
        (Endpoint.AUDIO_SPEECH, f"{DATED}/audio/speech?api-version=2024-10-21"),
        (Endpoint.IMAGES_EDITS, f"{DATED}/images/edits?api-version=2024-10-21"),
        (Endpoint.RESPONSES, f"{V1}/responses"),
        (Endpoint.MODERATIONS, f"{V1}/moderations"),
        (Endpoint.IMAGES_VARIATIONS, None),
    ],
)
def test_the_dated_api_has_not_all(endpoint: Endpoint, url: str | None) -> None:
    """What has no path under a deployment goes to v1; Azure has no image variations."""
    site = _site("AzureOpenAI", endpoint=AZURE, deployment_name="dep", api_version="2024-10-21")

    assert site.url(endpoint) == url


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (Endpoint.EMBEDDINGS, f"{AZURE}/models/embeddings?api-version=2024-05-01-preview"),
        (Endpoint.RESPONSES, f"{V1}/responses"),
        (Endpoint.IMAGES_GENERATIONS, f"{V1}/images/generations"),
        (Endpoint.IMAGES_VARIATIONS, None),
    ],
)
def test_the_legacy_api_has_two(endpoint: Endpoint, url: str | None) -> None:
    """The rest of a Foundry resource is at its v1 API."""
    assert _site("AzureFoundry", endpoint=f"{AZURE}/models").url(endpoint) == url


def test_openai_has_all() -> None:
    """Every endpoint stands below the root."""
    site = _site("OpenAI")

    for endpoint in Endpoint:
        assert site.url(endpoint) == f"https://api.openai.com/v1/{endpoint}"
