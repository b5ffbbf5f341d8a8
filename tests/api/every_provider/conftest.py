"""A server before a simulator of each vendor: every kind of model at every place of `rows.py`."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.every_provider.rows import KINDS, PLACES
from tests.api.gateway import Gateway, serving
from tests.api.stage import PATIENCE_S, CallsSeen
from tests.api.traces import settled
from tests.simulators.azure import Deployment
from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import MODELS, OpenAISimulator
from tests.simulators.recording import RecordedRequest
from tests.simulators.runner import running
from tests.simulators.simulator import Simulator

INPUT_NANO, OUTPUT_NANO = 150, 600
"""What a token costs by the documents here, in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Stage(CallsSeen):
    """The server and its upstreams; `lines` is how many settlements were there before."""

    gateway: Gateway
    openai: OpenAISimulator
    azure: AzureOpenAISimulator
    foundry: AzureFoundrySimulator
    lines: int = 0

    def upstream(self, model: str) -> Simulator:
        """The provider behind a model. Raises KeyError where there is none."""
        place = next(each for name, each in PLACES.items() if model.startswith(f"{name}-"))
        simulators = {"openai": self.openai, "azure": self.azure, "foundry": self.foundry}
        return simulators[place.simulator or ""]

    def reset(self) -> None:
        """Forget what arrived and what was planned."""
        for simulator in (self.openai, self.azure, self.foundry):
            simulator.reset()

    def check_left(self, record: RecordedRequest) -> None:
        """Check that the provider saw its client leave, and that the call is settled so."""
        record.wait_until_over(PATIENCE_S)
        assert record.disconnected_after_ms is not None
        [line] = self.settled()
        assert (line["outcome"], line["error"]) == ("aborted", None)


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    deployments = {name: Deployment(MODELS[kind.model]) for name, kind in KINDS.items()}
    with (
        running(OpenAISimulator()) as at_openai,
        running(AzureOpenAISimulator(deployments=deployments)) as azure,
        running(AzureFoundrySimulator(deployments=deployments)) as foundry,
    ):
        documents = list(_documents(at_openai, azure, foundry))
        folder = tmp_path_factory.mktemp("every_provider")
        settings = SECRETS | watched(folder)
        with serving(folder, documents, settings) as gateway, no_circles(gateway):
            yield Stage(gateway, at_openai, azure, foundry)


def _documents(
    at_openai: OpenAISimulator, azure: AzureOpenAISimulator, foundry: AzureFoundrySimulator
) -> Iterator[dict[str, Any]]:
    """Every kind of model at every place that has it."""
    key = {"secret_name": "AZURE_SIMULATOR_KEY"}
    v1 = key | {"endpoint": azure.url}
    for name, kind in KINDS.items():
        deployed = {"deployment_name": name}
        parameters: dict[str, dict[str, Any]] = {
            "openai": {
                "secret_name": "OPENAI_SIMULATOR_KEY",
                "endpoint": at_openai.base_url,
                "model": kind.model,
            },
            "azure-dated": v1 | deployed | {"api_version": "2025-04-01-preview"},
            "azure-v1": v1 | deployed,
            "foundry": key | deployed | {"endpoint": foundry.url},
            "foundry-legacy": key | {"endpoint": foundry.legacy_endpoint, "model": name},
            "echo": {},
        }
        for code, place in PLACES.items():
            if name not in place.kinds:
                continue
            made = document(f"{code}-{name}", place.provider, place.model_type, **parameters[code])
            free = place.simulator is None or name == "moderator"
            priced = {"costs": {}, "free": True} if free else {}
            yield made | {"operations": list(kind.words)} | priced


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    """Everything as new, but for connections that are kept; the server has not crashed."""
    whole_stage.reset()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()


@pytest.fixture(scope="package", name="client")
def _client(whole_stage: Stage) -> Iterator[openai.OpenAI]:
    """One for all tests, since making one takes longer than most of them."""
    url = whole_stage.gateway.base_url
    with openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0) as client:
        yield client


@pytest_asyncio.fixture(name="async_client")
async def _async_client(stage: Stage) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=stage.gateway.base_url, api_key="sk-none", max_retries=0
    ) as client:
        yield client
