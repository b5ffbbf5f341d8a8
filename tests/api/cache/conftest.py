"""A server with two projects before a simulated OpenAI, with models that keep answers or do not."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest

from tests.api.admin.administrator import ADMIN_KEY
from tests.api.asking import Answer, ask, bearer, within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, run, serving
from tests.api.traces import settled
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

MODELS = {
    "plain": ("gpt-4o-mini", "ChatCompletion", None),
    "kept": ("gpt-4o-mini", "ChatCompletion", True),
    "brief": ("gpt-4o-mini", "ChatCompletion", {"ttl_s": 1}),
    "thinker": ("gpt-5-mini", "Responses", True),
    "embedder": ("text-embedding-3-small", "embeddings", True),
    "instruct": ("gpt-3.5-turbo-instruct", "ChatCompletion", True),
    "moderator": ("omni-moderation-latest", "moderations", True),
    "painter": ("gpt-image-1", "images", True),
    "speaker": ("gpt-4o-mini-tts", "audio_tts", True),
    "hearer": ("gpt-4o-transcribe", "audio_stt", True),
}
STATUS = "x-llmproxy-cache-status"
HELD_BYTES = 20_000
"""CACHE_MAX_ENTRY_BYTES of the server."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, its upstream, and keys: two of the project alpha, one of beta."""

    gateway: Gateway
    upstream: OpenAISimulator
    alpha: str
    other_alpha: str
    beta: str
    lines: int = 0

    def client(self, key: str | None = None) -> openai.OpenAI:
        """The SDK of whoever holds this key."""
        return openai.OpenAI(
            base_url=self.gateway.base_url, api_key=key or self.alpha, max_retries=0
        )

    def async_client(self) -> openai.AsyncOpenAI:
        """The asynchronous SDK."""
        return openai.AsyncOpenAI(base_url=self.gateway.base_url, api_key=self.alpha, max_retries=0)

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> Answer:
        """Ask without an SDK; `x_llmproxy_cache` is the header of that name."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = bearer(key or self.alpha) | named
        return ask(self.gateway.url, path, method="POST", headers=sent, body=body)

    async def asked(self, count: int = 1) -> None:
        """Wait until the provider has got so many requests."""
        requests = self.upstream.requests
        assert await asyncio.to_thread(within, 10.0, lambda: len(requests) >= count)

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The settlements of this test, of which there are so many."""
        within(10.0, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count, lines
        return lines

    def outcomes(self, count: int) -> list[str]:
        """How those calls ended, sorted."""
        return sorted(line["outcome"] for line in self.rows(count))


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = SECRETS | {
        "CACHE_MAX_ENTRY_BYTES": str(HELD_BYTES),
        "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
    }
    folder = tmp_path_factory.mktemp("cache")
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(folder / "data")}
    keys = [
        run(environment, "keys", "create", "--project", name).strip()
        for name in ("alpha", "alpha", "beta")
    ]
    with (
        running(OpenAISimulator()) as upstream,
        serving(folder, list(_documents(upstream)), settings | watched(folder)) as gateway,
        no_circles(gateway),
    ):
        yield Stage(gateway, upstream, *keys)


def _documents(upstream: OpenAISimulator) -> Iterator[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": upstream.base_url}
    for code, (model, operation, cache) in MODELS.items():
        made = document(code, "OpenAI", "OpenAI", model=model, **account)
        made["operations"] = [operation]
        if cache is not None:
            made["cache"] = cache
        if operation in {"moderations", "audio_tts", "audio_stt", "images"}:
            made |= {"costs": {}, "free": True}
        yield made


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    whole_stage.upstream.reset()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()


@pytest.fixture(name="client")
def _client(stage: Stage) -> Iterator[openai.OpenAI]:
    with stage.client() as client:
        yield client
