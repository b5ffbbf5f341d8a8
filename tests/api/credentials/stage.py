"""A server before guarded providers, and what a test asks of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests import exposition
from tests.api.asking import Answer, ask
from tests.api.credentials.guarded import GuardedAzure, GuardedVertex
from tests.api.documents import document
from tests.api.gateway import Gateway, serving
from tests.simulators.runner import running
from tests.simulators.token_endpoints import TokenSimulator

HELLO = [{"role": "user", "content": "Hello"}]
LLAMA = "llama-3.3-70b-instruct-maas"
NAME = "SP-BRIDGE-4852-DEV"


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, its issuer and its providers; a client without retries."""

    gateway: Gateway
    issuer: TokenSimulator
    azure: GuardedAzure
    vertex: GuardedVertex
    client: openai.OpenAI

    def asked(self, model: str) -> Answer:
        """Ask for a chat completion without any SDK."""
        body = {"model": model, "messages": HELLO}
        return ask(self.gateway.url, "/v1/chat/completions", method="POST", body=body)

    def bearers(self) -> list[str | None]:
        """What the providers were shown, in their order."""
        requests = [*self.azure.requests, *self.vertex.requests]
        return [request.header("authorization") for request in requests]

    def health(self) -> dict[str, Any]:
        """The part of the detailed report that is about credentials."""
        part: dict[str, Any] = ask(self.gateway.url, "/health/ready").json.get("credentials", {})
        return part

    def metrics(self) -> dict[str, float]:
        """The gauges of credentials, by the end of their names."""
        text = ask(self.gateway.url, "/metrics").body.decode()
        return exposition.figures(text, "llmproxy_credentials_")


def azure_document(azure: GuardedAzure, code: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment with an identity instead of a key."""
    given = {"endpoint": azure.url, "deployment_name": "chat", "auth": "entra", **parameters}
    made = document(code, "Azure", "AzureOpenAI", **given)
    words = ["ChatCompletion", "Responses", "audio_stt", "audio_tts", "audio_realtime"]
    return made | {"operations": words, "costs": {}, "free": True}


def vertex_document(
    vertex: GuardedVertex, code: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Llama on Vertex AI."""
    given = {"endpoint": vertex.url, "gcp_project": "p", "location": "us-central1", "model": LLAMA}
    return document(code, "Google", "GoogleVertexMeta", **{**given, **parameters})


@contextmanager
def staged(
    folder: Path,
    issuer: TokenSimulator,
    settings: Mapping[str, str],
    *documents: tuple[str, dict[str, Any]],
) -> Iterator[Stage]:
    """Serve documents of `("azure" or "vertex", further parameters)`, coded so with a number."""
    with running(GuardedAzure(issuer)) as azure, running(GuardedVertex(issuer)) as vertex:
        made = [
            azure_document(azure, f"azure-{number}", parameters)
            if provider == "azure"
            else vertex_document(vertex, f"vertex-{number}", parameters)
            for number, (provider, parameters) in enumerate(documents)
        ]
        with (
            serving(folder, made, settings) as gateway,
            openai.OpenAI(base_url=gateway.base_url, api_key="sk-none", max_retries=0) as client,
        ):
            yield Stage(gateway, issuer, azure, vertex, client)
