"""What each kind of adapter shows, over the catalogue that serves requests, with no token asked."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.response_ids import ResponseIds
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import InvalidRequest, OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.withheld import LINE, Withheld, WithheldCredentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer
from tests.fakes.calls import chat_call
from tests.fakes.clock import FakeClock
from tests.fakes.documents import azure_document, document, google_document

pytestmark = pytest.mark.asyncio
KEY = "sk-live-0123456789"
HELLO = [{"role": "user", "content": "hi"}]


@dataclass
class World:
    """A catalogue; nothing it makes ever connects."""

    catalogue: Catalogue
    client: HttpClient

    def deployment(self, made: Mapping[str, Any]) -> Deployment:
        """The deployment of a document."""
        return self.catalogue.deployment(parse_model(made).model, 0)

    async def render(self, made: Mapping[str, Any], asked: Call) -> Rendered | None:
        """What its adapter shows."""
        deployment = self.deployment(made)
        assert deployment.rendering is not None, deployment.not_ready
        return await deployment.rendering.render(asked)

    async def shown(self, made: Mapping[str, Any], asked: Call) -> Rendered:
        """The same, of an adapter that sends something."""
        rendered = await self.render(made, asked)
        assert rendered is not None
        return rendered


@pytest_asyncio.fixture(name="world")
async def _world() -> AsyncIterator[World]:
    client = HttpClient(max_connections=1, proxies=Proxies({}))
    secrets = EnvironmentSecrets({"AZURE_OPENAI_API_KEY": KEY, "K": KEY})
    catalogue = Catalogue(
        client,
        WithheldCredentials(secrets, {"HOME": str(Path("nowhere"))}, FakeClock()),
        Patience(1.0, 1.0, 1.0, None),
        ResponseIds(Signer(b"k" * KEY_BYTES)),
        LongTail(secrets, lambda: None),
    )
    yield World(catalogue, client)
    assert not any(client.sizes().values())
    await client.close()


async def test_openais_wire(world: World) -> None:
    """Names that were changed are told; bytes stay."""
    made = azure_document(temperature=0.5)
    shown = await world.shown(made, chat_call({"messages": HELLO, "seed": 10**30}))

    assert shown.url == (
        "https://example.openai.azure.com/openai/deployments/gpt-4-deployment"
        "/chat/completions?api-version=2024-02-01"
    )
    assert ("api-key", "*****") in shown.headers
    assert shown.changed == ("temperature", "model")
    assert shown.body is not None
    assert b'"seed":1000000000000000000000000000000,' in shown.body


async def test_a_stream_asks_for_usage(world: World) -> None:
    """As the request that is sent does."""
    made = document(parameters={"model": "shown", "secret_name": "K"})
    shown = await world.shown(made, chat_call({"messages": HELLO, "stream": True}))
    assert shown.changed == ("stream_options",)
    assert json.loads(shown.body or b"")["stream_options"] == {"include_usage": True}


async def test_an_endpoint_that_a_provider_lacks(world: World) -> None:
    """It is refused in the adapter's words."""
    asked = chat_call({"prompt": "x"}, Endpoint.IMAGES_VARIATIONS)
    with pytest.raises(OperationNotSupported):
        await world.render(azure_document(), asked)


async def test_entra(world: World) -> None:
    """A token is shown masked, and none is fetched."""
    made = azure_document(secret_name=None, auth="entra")
    shown = await world.shown(made, chat_call({"messages": HELLO}))
    assert ("authorization", "Bearer *****") in shown.headers
    assert "api-key" not in dict(shown.headers)


async def test_a_translated_request(world: World) -> None:
    """What is dropped and changed is told; the key is not."""
    made = document(
        provider="Anthropic",
        model_type="Anthropic",
        parameters={"model": "claude-opus-4-5", "secret_name": "K"},
    )
    shown = await world.shown(made, chat_call({"messages": HELLO, "user": "me"}))
    assert shown.url == "https://api.anthropic.com/v1/messages"
    assert ("x-api-key", "*****") in shown.headers
    assert dict(shown.headers)["anthropic-version"]
    assert (shown.changed, shown.dropped) == ((), ())
    with pytest.raises(InvalidRequest) as raised:
        await world.render(made, chat_call({"messages": HELLO, "seed": 1}))
    assert raised.value.param == "seed"


async def test_a_response_over_a_chat(world: World) -> None:
    """Fields have the names that the caller gave them."""
    made = document(
        provider="Anthropic",
        model_type="Anthropic",
        parameters={"model": "claude-opus-4-5", "secret_name": "K"},
        operations=["Responses"],
    )
    body = {"input": "hi", "store": True}
    shown = await world.shown(made, chat_call(body, Endpoint.RESPONSES))
    assert shown.dropped == ("store",)
    assert b'"hi"' in (shown.body or b"")
    with pytest.raises(OperationNotSupported):
        await world.render(made, chat_call(body, Endpoint.RESPONSES_COMPACT))
    chat = await world.shown(made, chat_call({"messages": HELLO}))
    assert chat.dropped == ()


async def test_echo_sends_nothing(world: World) -> None:
    """But it refuses what it cannot read, and what it does not offer."""
    made = document(provider="Local", model_type="Echo", parameters={})
    for streamed in (True, False):
        asked = chat_call({"messages": HELLO, "stream": streamed})
        assert await world.render(made, asked) is None
    with pytest.raises(OperationNotSupported):
        await world.render(made, chat_call({}, Endpoint.AUDIO_SPEECH))


async def test_a_document_that_is_not_ready(world: World) -> None:
    """It has nothing to show."""
    made = world.deployment(google_document())
    assert made.rendering is None
    assert made.not_ready is not None


async def test_withheld_credentials() -> None:
    """They look like a token, and hold none."""
    withheld = Withheld()
    assert withheld.line() == await withheld.ready() == LINE
    withheld.refused()
