"""Requests of LiteLLM's translators, shown: every recorded one, with nothing secret in it."""

import pytest

from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.translated.wire import TranslatedWire
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.patience import Patiences
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience
from tests.long_tail.pairs import SECRETS, asking, named, one, recorded, translation

pytestmark = [
    pytest.mark.asyncio,
    # pydantic's warnings about LiteLLM's types
    pytest.mark.filterwarnings("ignore:Item 'index' on TypedDict:UserWarning"),
]
TAKEN = [each for each in named("requests") if "error" not in one(each[0], "requests", each[1])]


@pytest.mark.parametrize(("provider", "name"), TAKEN)
async def test_what_is_shown(long_tail: LongTail, provider: str, name: str) -> None:
    """The body is the one that is sent; keys, tokens and signatures are masked."""
    pair = one(provider, "requests", name)
    chat = translation(long_tail, recorded(provider)["document"] | pair.get("document", {}))
    client = HttpClient(max_connections=1, proxies=Proxies({}))
    patiences = Patiences(Patience(1.0, 1.0, 1.0, None))
    wire = TranslatedWire(client, patiences, {Endpoint.CHAT_COMPLETIONS: chat})
    asked = asking(pair["openai"])

    shown = await wire.render(asked)

    sent = await chat.request(asked)
    assert (shown.body, shown.dropped) == (sent.body, sent.dropped)
    told = f"{shown.url} {shown.headers} {shown.body!r}"
    assert not [secret for secret in SECRETS.values() if secret in told]
    assert "AWS4" not in told
    masked = {header.lower() for header, value in shown.headers if "*****" in value}
    assert masked & {"authorization", "x-goog-api-key"} or "key=*****" in shown.url
