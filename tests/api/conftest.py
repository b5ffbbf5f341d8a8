"""One server for all tests, before a simulator per vendor; the official SDKs as its clients."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import openai
import pytest
import pytest_asyncio

from tests.api.documents import (
    SECRETS,
    azure_documents,
    compatible_documents,
    foundry_documents,
    openai_documents,
)
from tests.api.gateway import Gateway, serving
from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The simulators behind the server."""

    openai: OpenAISimulator
    compatible: OpenAISimulator
    azure: AzureOpenAISimulator
    foundry: AzureFoundrySimulator

    def reset(self) -> None:
        """Forget what arrived and what was planned."""
        for simulator in (self.openai, self.compatible, self.azure, self.foundry):
            simulator.reset()


@pytest.fixture(scope="session", autouse=True, name="no_proxy")
def _no_proxy() -> Iterator[None]:
    """Loopback is reached directly, whatever proxies the shell names."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session", name="all_upstreams")
def _all_upstreams() -> Iterator[Upstreams]:
    with ExitStack() as stack:
        yield Upstreams(
            stack.enter_context(running(OpenAISimulator())),
            stack.enter_context(running(OpenAISimulator(allow_unknown=True))),
            stack.enter_context(running(AzureOpenAISimulator())),
            stack.enter_context(running(AzureFoundrySimulator())),
        )


@pytest.fixture(scope="session", name="server")
def _server(
    all_upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    documents = [
        *openai_documents(all_upstreams.openai),
        *compatible_documents(all_upstreams.compatible),
        *azure_documents(all_upstreams.azure),
        *foundry_documents(all_upstreams.foundry),
    ]
    with serving(tmp_path_factory.mktemp("gateway"), documents, SECRETS) as gateway:
        yield gateway


@pytest.fixture(name="upstreams")
def _upstreams(all_upstreams: Upstreams) -> Upstreams:
    all_upstreams.reset()
    return all_upstreams


@pytest.fixture(name="gateway")
def _gateway(server: Gateway, upstreams: Upstreams) -> Iterator[Gateway]:
    """The server, no fault planned; a test during which it fails is the test that fails."""
    assert upstreams.openai.requests == []
    yield server
    server.check()


@pytest.fixture(name="client")
def _client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key="sk-none", max_retries=0) as client:
        yield client


@pytest_asyncio.fixture(name="async_client")
async def _async_client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=gateway.base_url, api_key="sk-none", max_retries=0
    ) as client:
        yield client
