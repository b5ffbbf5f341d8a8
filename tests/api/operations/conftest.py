"""A server before two simulated OpenAIs, an Azure OpenAI, a Foundry and Echo.

A model is called after what it does: `embedder` at OpenAI, `embedder-pair` at two of them,
`azure-dated-embedder`, `azure-v1-embedder`, `foundry-embedder`.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.api.asking import within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.traces import opened, settled
from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

INPUT_NANO, OUTPUT_NANO = 150, 600
"""What a token costs by the documents here, in nano-dollars."""
MODELS = {
    "embedder": ("embeddings", "text-embedding-3-small"),
    "instruct": ("ChatCompletion", "gpt-3.5-turbo-instruct"),
    "moderator": ("moderations", "omni-moderation-latest"),
    "painter": ("images", "gpt-image-1"),
    "old-painter": ("images", "dall-e-2"),
}
ECHO = {
    "id": "echo",
    "name": "Echo",
    "provider": "Local",
    "model_type": "Echo",
    "projects": [],
    "private": False,
    "parameters": {},
    "costs": {},
    "free": True,
    "operations": ["ChatCompletion", "embeddings", "moderations", "images"],
}


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and its upstreams; `lines` is how many settlements were there before."""

    gateway: Gateway
    first: OpenAISimulator
    second: OpenAISimulator
    azure: AzureOpenAISimulator
    foundry: AzureFoundrySimulator
    lines: int = 0

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The settlements of this test; waits for so many. Each belongs to one admission."""
        within(5.0, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count
        assert len(opened(self.gateway)) == len(settled(self.gateway))
        return lines

    def used(self) -> tuple[int, int, int, bool]:
        """Of the one call of this test: input and output tokens, images, whether estimated."""
        [line] = self.settled()
        assert line["outcome"] == "finished"
        read, _, _, written, *_, images, _, _, estimated = line["usage"]
        written += line["usage"][8]  # tokens of images that were made
        assert line["cost_nano"] in {0, read * INPUT_NANO + written * OUTPUT_NANO}
        return read, written, images, estimated


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        running(OpenAISimulator()) as first,
        running(OpenAISimulator()) as second,
        running(AzureOpenAISimulator()) as azure,
        running(AzureFoundrySimulator()) as foundry,
    ):
        documents = [*_openai(first, second), *_azure(azure, foundry), ECHO]
        folder = tmp_path_factory.mktemp("operations")
        settings = SECRETS | watched(folder)
        with serving(folder, documents, settings) as gateway, no_circles(gateway):
            yield Stage(gateway, first, second, azure, foundry)


def _openai(first: OpenAISimulator, second: OpenAISimulator) -> Iterator[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY"}
    for code, (word, model) in MODELS.items():
        one = document(code, "OpenAI", "OpenAI", endpoint=first.base_url, model=model, **account)
        yield one | _offers(word)
        for number, simulator in enumerate((first, second)):
            parameters = account | {"endpoint": simulator.base_url, "model": model}
            made = document(f"{code}-pair", "OpenAI", "OpenAI", **parameters)
            yield made | _offers(word) | {"id": f"{code}-pair-{number}"}


def _azure(
    simulator: AzureOpenAISimulator, foundry: AzureFoundrySimulator
) -> Iterator[dict[str, Any]]:
    key = {"secret_name": "AZURE_SIMULATOR_KEY"}
    for name, (word, _) in MODELS.items():
        if name == "old-painter":
            continue
        v1 = key | {"endpoint": simulator.url, "deployment_name": name}
        dated = v1 | {"api_version": "2025-04-01-preview"}
        at_foundry = key | {"endpoint": foundry.url, "deployment_name": name}
        legacy = key | {"endpoint": foundry.legacy_endpoint, "model": name}
        for code, kind, parameters in (
            (f"azure-dated-{name}", "AzureOpenAI", dated),
            (f"azure-v1-{name}", "AzureOpenAI", v1),
            (f"foundry-{name}", "AzureFoundry", at_foundry),
            (f"foundry-legacy-{name}", "AzureFoundry", legacy),
        ):
            yield document(code, "Azure", kind, **parameters) | _offers(word)


def _offers(word: str) -> dict[str, Any]:
    free = {"costs": {}, "free": True} if word == "moderations" else {}
    return {"operations": [word], **free}


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    """Everything as new, but for connections that are kept; the server has not crashed."""
    stage = whole_stage
    for simulator in (stage.first, stage.second, stage.azure, stage.foundry):
        simulator.reset()
    yield replace(stage, lines=len(settled(stage.gateway)))
    stage.gateway.check()


@pytest.fixture(name="client")
def _client(stage: Stage) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=stage.gateway.base_url, api_key="sk-none", max_retries=0) as client:
        yield client


@pytest_asyncio.fixture(name="async_client")
async def _async_client(stage: Stage) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=stage.gateway.base_url, api_key="sk-none", max_retries=0
    ) as client:
        yield client
