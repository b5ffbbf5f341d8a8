"""One server before a simulator of every vendor; Google's credential is a service account's.

A second one, started when a test first needs it, has LiteLLM (`long_tail.py`).
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import openai
import pytest
import pytest_asyncio

from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS
from tests.api.gateway import Gateway, serving
from tests.api.model_types.long_tail import is_long_tail, serving_long_tail
from tests.api.model_types.media_places import media_documents
from tests.api.model_types.places import GOOGLE_ACCOUNT, KINDS, OWN, documents
from tests.api.stage import CallsSeen
from tests.api.traces import settled
from tests.simulators.ai_studio import AiStudioSimulator
from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.foundry_claude import FoundryClaudeSimulator
from tests.simulators.google_speech import GoogleSpeechSimulator
from tests.simulators.mistral import MistralSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running
from tests.simulators.simulator import Simulator
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.vertex import VertexSimulator
from tests.simulators.vertex_claude import VertexClaude
from tests.simulators.vertex_partners import VertexPartners


@dataclass(frozen=True, slots=True)
class Stage(CallsSeen):
    """The server and its upstreams; `lines` is how many settlements were there before."""

    gateway: Gateway
    simulators: Mapping[str, Simulator]
    endpoints: Mapping[str, str]
    lines: int = 0

    def upstream(self, model: str) -> Simulator:
        """The provider behind a model."""
        return self.simulators[KINDS[model.removesuffix("-thinker")].simulator]


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        tokens = stack.enter_context(running(TokenSimulator(always="vertex-token")))
        partners = (VertexClaude(), VertexPartners())
        vertex = stack.enter_context(running(VertexSimulator(also=partners)))
        at_openai = stack.enter_context(running(OpenAISimulator()))
        anthropic = stack.enter_context(running(AnthropicSimulator()))
        claude = stack.enter_context(running(FoundryClaudeSimulator()))
        mistral = stack.enter_context(running(MistralSimulator()))
        simulators: dict[str, Simulator] = {
            "openai": at_openai,
            "vertex": vertex,
            "azure": stack.enter_context(running(AzureOpenAISimulator())),
            "foundry": stack.enter_context(running(AzureFoundrySimulator())),
            "anthropic": anthropic,
            "foundry-claude": claude,
            "google-speech": stack.enter_context(
                running(GoogleSpeechSimulator(token="vertex-token"))
            ),
            "mistral": mistral,
            "ai-studio": stack.enter_context(running(AiStudioSimulator())),
        }
        endpoints = {name: each.url for name, each in simulators.items()}
        endpoints["openai"] = at_openai.base_url
        endpoints["foundry-claude"] = claude.base_url
        endpoints["mistral"] = mistral.base_url
        secrets = SECRETS | {
            "ANTHROPIC_SIMULATOR_KEY": "sk-ant-simulator",
            GOOGLE_ACCOUNT: json.dumps(tokens.service_account_info()),
        }
        written = [*documents(endpoints, OWN), *media_documents(endpoints)]
        folder = tmp_path_factory.mktemp("model_types")
        gateway = stack.enter_context(serving(folder, written, secrets | watched(folder)))
        stack.enter_context(no_circles(gateway))
        yield Stage(gateway, simulators, endpoints)


@pytest.fixture(scope="package", name="long_tail_stage")
def _long_tail_stage(
    whole_stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("long_tail")
    with serving_long_tail(folder, whole_stage.endpoints) as gateway:
        yield replace(whole_stage, gateway=gateway)


@pytest.fixture(name="stage")
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Everything as new, but for connections that are kept; the server has not crashed."""
    name = "long_tail_stage" if is_long_tail(request) else "whole_stage"
    chosen: Stage = request.getfixturevalue(name)
    for simulator in chosen.simulators.values():
        simulator.reset()
    yield replace(chosen, lines=len(settled(chosen.gateway)))
    chosen.gateway.check()


@pytest.fixture(scope="package", name="whole_client")
def _whole_client(whole_stage: Stage) -> Iterator[openai.OpenAI]:
    url = whole_stage.gateway.base_url
    with openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package", name="long_tail_client")
def _long_tail_client(long_tail_stage: Stage) -> Iterator[openai.OpenAI]:
    url = long_tail_stage.gateway.base_url
    with openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0) as client:
        yield client


@pytest.fixture(name="client")
def _client(request: pytest.FixtureRequest) -> openai.OpenAI:
    name = "long_tail_client" if is_long_tail(request) else "whole_client"
    client: openai.OpenAI = request.getfixturevalue(name)
    return client


@pytest_asyncio.fixture(name="async_client")
async def _async_client(stage: Stage) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=stage.gateway.base_url, api_key="sk-none", max_retries=0
    ) as client:
        yield client
