"""A server with models whose keys are secrets, and what a test asks of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.asking import Answer, ask
from tests.api.documents import document
from tests.api.gateway import Gateway, serving
from tests.simulators.openai import OpenAISimulator

HELLO = [{"role": "user", "content": "Hello"}]
KEY = "THE_PROVIDERS_KEY"
NAME_IN_VAULT = "THE-PROVIDERS-KEY"


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and the provider behind its models."""

    gateway: Gateway
    upstream: OpenAISimulator

    def asked(self, model: str = KEY) -> Answer:
        """Ask a model that is called like its secret."""
        body = {"model": model, "messages": HELLO}
        return ask(self.gateway.url, "/v1/chat/completions", method="POST", body=body)

    def serves(self, model: str = KEY) -> bool:
        """Whether a request succeeds."""
        return self.asked(model).status == 200

    def waits(self, model: str = KEY) -> bool:
        """Whether a model cannot be called yet."""
        answer = self.asked(model)
        return answer.status != 200 and answer.error["code"] == "model_not_ready"

    def shown(self) -> str:
        """The key that the provider was shown last."""
        return (self.upstream.requests[-1].header("authorization") or "").removeprefix("Bearer ")

    def uses(self, key: str) -> bool:
        """Whether the provider is shown this key by the next request, which succeeds."""
        return self.serves() and self.shown() == key

    def report(self, part: str) -> Any:  # noqa: ANN401
        """A part of the detailed report."""
        return ask(self.gateway.url, "/health/ready").json.get(part)

    def reason(self, model: str = KEY) -> str:
        """Why a model is not ready; empty when it is."""
        return str(self.report("models").get("reasons", {}).get(model, ""))


@contextmanager
def staged(
    folder: Path, upstream: OpenAISimulator, settings: Mapping[str, str], *names: str
) -> Iterator[Stage]:
    """Serve a model per secret, `KEY` if none is named."""
    documents = [
        document(
            name,
            "OpenAI",
            "OpenAI",
            model="gpt-4o-mini",
            secret_name=name,
            endpoint=upstream.base_url,
        )
        for name in names or (KEY,)
    ]
    with serving(folder, documents, settings) as gateway:
        yield Stage(gateway, upstream)
