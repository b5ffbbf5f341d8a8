"""Responses that a provider keeps: each request about one goes to its own path."""

from functools import partial
from urllib.parse import quote

from typing_extensions import override

from llmproxy.application.interfaces.stored_response import Lookup
from llmproxy.application.interfaces.upstream import Events, Recalling, Reply
from llmproxy.domain.errors import OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.credentials.credential import authorized, heard
from llmproxy.infra.providers.openai_wire.endpoints import Site
from llmproxy.infra.providers.openai_wire.failures import failure, transport_failure
from llmproxy.infra.providers.openai_wire.headers import passing
from llmproxy.infra.providers.openai_wire.response_events import (
    GONE,
    StoredEvents,
    in_words,
    not_found,
)
from llmproxy.infra.providers.openai_wire.shown_ids import ShownIds
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.patience import Patiences
from llmproxy.infra.providers.transport.target import Target

HEADERS = {"accept-encoding": "identity"}
NOTHING = b""


class StoredResponses(Recalling):
    """Those of one deployment."""

    def __init__(
        self, client: HttpClient, site: Site, patiences: Patiences, shown: ShownIds
    ) -> None:
        self._client = client
        self._site = site
        self._patiences = patiences
        self._shown = shown

    @override
    async def recall(self, lookup: Lookup) -> Reply:
        target = await authorized(self._target(lookup), self._site.credential)
        patience = self._patiences.of(lookup.silence_s, whole=True)
        try:
            exchange, answer = await self._client.fetch(target, NOTHING, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        heard(exchange.status, self._site.credential)
        if exchange.status == GONE:
            raise not_found(lookup.origin)
        if exchange.status != 200:
            words = in_words(answer, lookup.origin)
            raise failure(exchange.status, exchange.headers, words)
        headers, content_type = passing(exchange.head)
        headers.append(b"content-type: " + (content_type or b"application/json"))
        return Reply(headers, self._shown.in_answer(answer, lookup.caller.project), None)

    @override
    async def replay(self, lookup: Lookup) -> Events:
        target = await authorized(self._target(lookup), self._site.credential)
        patience = self._patiences.of(lookup.silence_s, whole=False)
        try:
            exchange = await self._client.open(target, NOTHING, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        again = partial(self._client.open, target, NOTHING, patience)
        events = StoredEvents(exchange, again, self._shown, lookup.caller.project, lookup.origin)
        events.credential = self._site.credential
        return events

    def _target(self, lookup: Lookup) -> Target:
        root = self._site.url(Endpoint.RESPONSES)
        if root is None:
            raise OperationNotSupported("The provider of this model keeps no responses.")
        url = f"{root}/{quote(lookup.origin.upstream, safe='')}"
        if lookup.below:
            url += f"/{lookup.below}"
        if lookup.query:
            url += f"?{lookup.query}"
        return self._client.target(url, HEADERS | self._site.headers, lookup.method)
