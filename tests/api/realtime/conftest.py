"""One server for the realtime tests, before the simulators' sessions."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.api.circles import no_circles, watched
from tests.api.conftest import Upstreams
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.realtime.ledger import Ledger

COSTS = {
    "currency": "USD",
    "cost_input_1Mtokens": 4,
    "cost_cached_input_1Mtokens": 0.4,
    "cost_output_1Mtokens": 16,
    "cost_audio_input_1Mtokens": 32,
    "cost_audio_output_1Mtokens": 64,
}
MAX_MESSAGE_BYTES = 24 * 1024 * 1024


def realtime_documents(upstreams: Upstreams) -> list[dict[str, Any]]:
    """OpenAI's model under another code, an Azure deployment, and ones that fail."""
    openai_account = {
        "secret_name": "OPENAI_SIMULATOR_KEY",
        "endpoint": upstreams.openai.base_url,
    }
    azure_account = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": upstreams.azure.url}
    dated = {"deployment_name": "voice", "api_version": "2024-10-21", "model": "gpt-realtime"}
    documents = [
        document("talker", "OpenAI", "OpenAI", model="gpt-realtime", **openai_account),
        document("gpt-realtime", "OpenAI", "OpenAI", **openai_account),
        document("missing", "OpenAI", "OpenAI", model="gpt-0", **openai_account),
        document("azure", "Azure", "AzureOpenAI", deployment_name="voice", **azure_account),
        document("azure-dated", "Azure", "AzureOpenAI", **dated, **azure_account),
        document("foundry", "Azure", "AzureFoundry", deployment_name="voice", **azure_account),
    ]
    for each in documents:
        each |= {"operations": ["audio_realtime"], "costs": COSTS}
    unpriced = document("unpriced", "OpenAI", "OpenAI", model="gpt-realtime", **openai_account)
    unpriced |= {"operations": ["audio_realtime"], "costs": {}}
    return [*documents, unpriced, document("chatty", "OpenAI", "OpenAI", **openai_account)]


@pytest.fixture(scope="session", name="talking_folder")
def _talking_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("realtime")


@pytest.fixture(scope="session", name="talking_server")
def _talking_server(all_upstreams: Upstreams, talking_folder: Path) -> Iterator[Gateway]:
    documents = realtime_documents(all_upstreams)
    # A session whose provider stopped reading is given a minute to end: more than a stop waits.
    settings = SECRETS | watched(talking_folder) | {"SHUTDOWN_TIMEOUT_S": "5"}
    with serving(talking_folder, documents, settings) as gateway, no_circles(gateway):
        yield gateway


@pytest.fixture(name="gateway")
def _gateway(talking_server: Gateway, upstreams: Upstreams) -> Iterator[Gateway]:
    assert upstreams.openai.requests == []
    yield talking_server
    talking_server.check()


@pytest.fixture(name="ledger")
def _ledger(gateway: Gateway, talking_folder: Path) -> Ledger:
    """What is journalled from now on."""
    assert gateway.process.poll() is None
    return Ledger(talking_folder / "data" / "journal")


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


def event(**fields: Any) -> bytes:  # noqa: ANN401 - JSON
    """A client event as bytes."""
    return json.dumps(fields).encode()
