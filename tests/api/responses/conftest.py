"""A server with two projects before two simulated OpenAIs and an Azure OpenAI, and Echo."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.asking import within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, run, serving
from tests.api.traces import settled
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, its upstreams and a key of each project."""

    gateway: Gateway
    first: OpenAISimulator
    second: OpenAISimulator
    azure: AzureOpenAISimulator
    alpha: str
    beta: str
    folder: Path
    lines: int = 0

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """The settlements of this test; waits for so many, and there are no more."""
        within(5.0, lambda: len(settled(self.gateway)) >= self.lines + count)
        lines = settled(self.gateway)[self.lines :]
        assert len(lines) == count
        return lines


def documents(
    first: OpenAISimulator, second: OpenAISimulator, azure: AzureOpenAISimulator
) -> Iterator[dict[str, Any]]:
    """`mini`, `thinker` at OpenAI, `pair` at two of them, `azure`, `azure-dated`, `parrot`."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": first.base_url}
    other = account | {"endpoint": second.base_url}
    yield document("mini", "OpenAI", "OpenAI", model="gpt-4o-mini", **account)
    yield document("thinker", "OpenAI", "OpenAI", model="gpt-5-mini", **account)
    for number, parameters in enumerate((account, other)):
        made = document("pair", "OpenAI", "OpenAI", model="gpt-4o-mini", **parameters)
        yield made | {"id": f"pair-{number}"}
    key = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": azure.url, "deployment_name": "chat"}
    yield document("azure", "Azure", "AzureOpenAI", **key)
    yield document("azure-dated", "Azure", "AzureOpenAI", api_version="2024-10-21", **key)
    yield document("parrot", "Local", "Echo")
    yield document("chat-only", "Local", "Echo") | {"operations": ["ChatCompletion"]}


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("responses")
    with (
        running(OpenAISimulator()) as first,
        running(OpenAISimulator()) as second,
        running(AzureOpenAISimulator()) as azure,
        serving(
            folder, list(documents(first, second, azure)), SECRETS | watched(folder)
        ) as gateway,
        no_circles(gateway),
    ):
        alpha, beta = (
            run(gateway.environment, "keys", "create", "--project", name).strip()
            for name in ("alpha", "beta")
        )
        stage = Stage(gateway, first, second, azure, alpha, beta, folder)
        assert within(5.0, lambda: _knows(stage, beta))
        yield stage


def _knows(stage: Stage, key: str) -> bool:
    # While the server has not seen the first key, it lets everybody in and no project differs.
    if _lets_in(stage, "sk-nobody"):
        return False
    return _lets_in(stage, key)


def _lets_in(stage: Stage, key: str) -> bool:
    with client_of(stage, key) as client:
        try:
            return bool(client.models.list().data)
        except openai.AuthenticationError:
            return False


def client_of(stage: Stage, key: str) -> openai.OpenAI:
    """The client of whoever holds this key."""
    return openai.OpenAI(base_url=stage.gateway.base_url, api_key=key, max_retries=0)


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    for simulator in (whole_stage.first, whole_stage.second, whole_stage.azure):
        simulator.reset()
    yield replace(whole_stage, lines=len(settled(whole_stage.gateway)))
    whole_stage.gateway.check()


@pytest.fixture(name="client")
def _client(stage: Stage) -> Iterator[openai.OpenAI]:
    with client_of(stage, stage.alpha) as client:
        yield client


@pytest.fixture(name="stranger")
def _stranger(stage: Stage) -> Iterator[openai.OpenAI]:
    with client_of(stage, stage.beta) as client:
        yield client


def ids_in(body: bytes) -> str:
    """The id of a response."""
    return str(json.loads(body)["id"])
