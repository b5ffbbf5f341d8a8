"""LiteLLM is loaded once for all tests here."""

import asyncio

import pytest

from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from tests.long_tail.pairs import PROVIDERS, SECRETS, model, recorded


@pytest.fixture(scope="session", name="long_tail")
def _long_tail() -> LongTail:
    calls: list[int] = []
    long_tail = LongTail(EnvironmentSecrets(SECRETS), lambda: calls.append(1))

    async def load() -> None:
        client = HttpClient(max_connections=1, proxies=Proxies({}))
        for provider in PROVIDERS:
            with pytest.raises(Incomplete, match="is being loaded"):
                long_tail.translations(client, model(recorded(provider)["document"]))
        await long_tail.settled()

    asyncio.run(load())
    assert calls == [1]
    return long_tail
