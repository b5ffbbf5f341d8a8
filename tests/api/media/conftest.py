"""A server before two simulated OpenAIs, an Azure, and an upstream that takes uploads badly."""

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
from tests.api.media.odd_upstream import OddUpstream, odd_upstream
from tests.api.traces import opened, settled
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

MEDIA = {"operations": ["audio_tts", "audio_stt", "images"]}
MAX_UPLOAD_BYTES = 8 * 1024 * 1024
SETTINGS = SECRETS | {"BODY_TIMEOUT_S": "1", "MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES)}


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and its upstreams; `lines` is how many settlements were there before."""

    gateway: Gateway
    first: OpenAISimulator
    second: OpenAISimulator
    azure: AzureOpenAISimulator
    odd: OddUpstream
    lines: int = 0

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The settlements of this test; waits for so many. Each belongs to one admission."""
        within(5.0, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count
        assert len(opened(self.gateway)) == len(settled(self.gateway))
        return lines


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        running(OpenAISimulator()) as first,
        running(OpenAISimulator()) as second,
        running(AzureOpenAISimulator()) as azure,
        odd_upstream() as odd,
    ):
        made = (*_openai(first, second), *_azure(azure), *_odd(odd, second))
        documents = [each | MEDIA for each in made]
        folder = tmp_path_factory.mktemp("media")
        settings = SETTINGS | watched(folder)
        with serving(folder, documents, settings) as gateway, no_circles(gateway):
            yield Stage(gateway, first, second, azure, odd)


def _openai(first: OpenAISimulator, second: OpenAISimulator) -> Iterator[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY"}
    for code, model in {
        "voice": "gpt-4o-mini-tts",
        "old-voice": "tts-1",
        "scribe": "gpt-4o-transcribe",
        "whisper": "whisper-1",
        "painter": "gpt-image-1",
        "old-painter": "dall-e-2",
    }.items():
        yield document(code, "OpenAI", "OpenAI", endpoint=first.base_url, model=model, **account)
        for number, simulator in enumerate((first, second)):
            pair = f"{code}-pair"
            made = document(
                pair, "OpenAI", "OpenAI", endpoint=simulator.base_url, model=model, **account
            )
            yield made | {"id": f"{pair}-{number}"}


def _azure(simulator: AzureOpenAISimulator) -> Iterator[dict[str, Any]]:
    account = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": simulator.url}
    for code, deployment in {
        "azure-voice": "speaker",
        "azure-scribe": "scribe",
        "azure-painter": "painter",
    }.items():
        dated = account | {"deployment_name": deployment, "api_version": "2025-04-01-preview"}
        yield document(code, "Azure", "AzureOpenAI", **dated)
        v1 = account | {"deployment_name": deployment}
        yield document(f"{code}-v1", "Azure", "AzureOpenAI", **v1)


def _odd(odd: OddUpstream, second: OpenAISimulator) -> Iterator[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "whisper-1"}
    yield document("odd", "OpenAI", "OpenAI", endpoint=odd.base_url, **account)
    yield document("odd-once", "OpenAI", "OpenAI", endpoint=odd.base_url, timeout="1", **account)
    for number, endpoint in enumerate((odd.base_url, second.base_url)):
        made = document("odd-pair", "OpenAI", "OpenAI", endpoint=endpoint, **account)
        yield made | {"id": f"odd-pair-{number}"}


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    """Everything as new, but for connections that are kept; the server has not crashed."""
    for simulator in (whole_stage.first, whole_stage.second, whole_stage.azure):
        simulator.reset()
    whole_stage.odd.takings.clear()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()


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
