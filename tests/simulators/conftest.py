"""The simulators, each in a thread of its own so that the vendors' blocking clients can be used."""

from collections.abc import Iterator

import pytest

from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running


@pytest.fixture(scope="session", name="openai_upstream")
def _openai_upstream() -> Iterator[OpenAISimulator]:
    with running(OpenAISimulator()) as simulator:
        yield simulator


@pytest.fixture(scope="session", name="azure_upstream")
def _azure_upstream() -> Iterator[AzureOpenAISimulator]:
    with running(AzureOpenAISimulator()) as simulator:
        yield simulator


@pytest.fixture(scope="session", name="foundry_upstream")
def _foundry_upstream() -> Iterator[AzureFoundrySimulator]:
    with running(AzureFoundrySimulator()) as simulator:
        yield simulator


@pytest.fixture(name="openai_simulator")
def _openai_simulator(openai_upstream: OpenAISimulator) -> OpenAISimulator:
    openai_upstream.reset()
    return openai_upstream


@pytest.fixture(name="azure_simulator")
def _azure_simulator(azure_upstream: AzureOpenAISimulator) -> AzureOpenAISimulator:
    azure_upstream.reset()
    return azure_upstream


@pytest.fixture(name="foundry_simulator")
def _foundry_simulator(foundry_upstream: AzureFoundrySimulator) -> AzureFoundrySimulator:
    foundry_upstream.reset()
    return foundry_upstream
