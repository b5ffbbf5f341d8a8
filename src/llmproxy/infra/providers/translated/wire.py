"""The frame of every translated deployment: it sends what a translation makes."""

from collections.abc import Mapping
from functools import partial

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.rendering import Rendered, Rendering
from llmproxy.application.interfaces.upstream import (
    Answering,
    Events,
    Headers,
    Reply,
    Streaming,
)
from llmproxy.domain.errors import OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.credentials.credential import Credential, authorized, heard
from llmproxy.infra.providers.openai_wire.failures import transport_failure
from llmproxy.infra.providers.openai_wire.headers import passing
from llmproxy.infra.providers.rendered import rendered
from llmproxy.infra.providers.translated.events import TranslatedEvents, WholeEvents
from llmproxy.infra.providers.translated.several import Fetched, all_of
from llmproxy.infra.providers.translated.translation import Sent, Translation
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.patience import Patiences
from llmproxy.infra.providers.transport.target import Patience, Target


class TranslatedWire(Answering, Streaming, Rendering):
    """`translations` holds what the deployment offers, one per endpoint."""

    def __init__(
        self,
        client: HttpClient,
        patiences: Patiences,
        translations: Mapping[Endpoint, Translation],
        credential: Credential | None = None,
    ) -> None:
        """`credential` is one whose header changes over time; a key stands in the targets."""
        self._client = client
        self._patiences = patiences
        self._translations = translations
        self._credential = credential

    @override
    async def answer(self, call: Call) -> Reply:
        translation = self._translation(call)
        sent = await translation.request(call)
        return await self._whole(call, translation, sent)

    async def _whole(self, call: Call, translation: Translation, sent: Sent) -> Reply:
        target = await authorized(sent.target, self._credential)
        patience = self._patiences.of(call.silence_s, whole=True)
        ask = partial(self._fetched, translation, target, patience)
        if sent.further:
            answers = await all_of(ask, (sent.body, *sent.further), patience)
            head = answers[0].head
            translated = await translation.joined(call, sent, [each.body for each in answers])
        else:
            head, body = await ask(sent.body)
            translated = await translation.answer(call, sent, body)
        headers, _ = passing(head)
        headers += translation.headers(head) + told(sent)
        headers.append(b"content-type: " + translated.content_type)
        return Reply(headers, translated.body, translated.usage)

    async def _fetched(
        self, translation: Translation, target: Target, patience: Patience, body: bytes
    ) -> Fetched:
        """Return an answer of status 200. Raises UpstreamError."""
        try:
            exchange, answer = await self._client.fetch(target, body, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        if exchange.status != 200:
            heard(exchange.status, self._credential)
            raise translation.failure(exchange.status, exchange.headers, answer)
        return Fetched(exchange.head, answer)

    @override
    async def stream(self, call: Call) -> Events:
        translation = self._translation(call)
        sent = await translation.request(call)
        reader = translation.reader(call, sent)
        if reader is None:
            return WholeEvents(partial(self._whole, call, translation, sent))
        target = await authorized(sent.target, self._credential)
        patience = self._patiences.of(call.silence_s, whole=False)
        try:
            exchange = await self._client.open(target, sent.body, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        again = partial(self._client.open, target, sent.body, patience)
        events = TranslatedEvents(exchange, again, translation, reader)
        events.credential = self._credential
        events.further = told(sent)
        return events

    @override
    async def render(self, call: Call) -> Rendered:
        translation = self._translation(call)
        sent = await translation.request(call)
        shown = rendered(
            sent.target,
            sent.body,
            signed=self._credential is not None,
            changed=sent.changed,
            further=sent.further,
            secrets=translation.secrets(),
        )
        return shown._replace(dropped=sent.dropped)

    def _translation(self, call: Call) -> Translation:
        translation = self._translations.get(call.endpoint)
        if translation is None:
            raise OperationNotSupported(
                f"The provider of this model does not offer `/v1/{call.endpoint}`.", param="model"
            )
        return translation


def told(sent: Sent) -> Headers:
    """Return the headers that say what of the request was not sent as it stood."""
    lines = []
    if sent.changed:
        lines.append(f"x-llmproxy-changed: {', '.join(sent.changed)}".encode("ascii", "replace"))
    if sent.dropped:
        lines.append(f"x-llmproxy-dropped: {', '.join(sent.dropped)}".encode("ascii", "replace"))
    return lines
