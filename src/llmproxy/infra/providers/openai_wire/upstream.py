"""One deployment that speaks OpenAI's wire: what is sent, and how its answer is read."""

from collections.abc import Mapping
from functools import partial

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call, Outgoing
from llmproxy.application.interfaces.rendering import Rendered, Rendering
from llmproxy.application.interfaces.upstream import Answering, Events, Reply, Streaming
from llmproxy.domain.errors import OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.credentials.credential import authorized, heard
from llmproxy.infra.providers.openai_wire.accent import PLAIN
from llmproxy.infra.providers.openai_wire.answers import usage_in
from llmproxy.infra.providers.openai_wire.binary import BinaryStream
from llmproxy.infra.providers.openai_wire.endpoints import Site
from llmproxy.infra.providers.openai_wire.failures import transport_failure
from llmproxy.infra.providers.openai_wire.headers import load_percent, passing
from llmproxy.infra.providers.openai_wire.incoming import Incoming
from llmproxy.infra.providers.openai_wire.response_events import ResponseEvents, in_words
from llmproxy.infra.providers.openai_wire.shown_ids import ShownIds
from llmproxy.infra.providers.openai_wire.stored_responses import StoredResponses
from llmproxy.infra.providers.openai_wire.transcript_events import TranscriptEvents
from llmproxy.infra.providers.openai_wire.typed_events import TypedEvents
from llmproxy.infra.providers.rendered import rendered
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.patience import Patiences
from llmproxy.infra.providers.transport.target import Patience, Target

CHATS = frozenset((Endpoint.CHAT_COMPLETIONS, Endpoint.COMPLETIONS))
JSON = {"content-type": "application/json"}
HEADERS = {"accept-encoding": "identity"}
ABSENT = (None, b"null")
WITH_IDS = frozenset((Endpoint.RESPONSES, Endpoint.RESPONSES_COMPACT))
_options = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


class OpenAIWire(Answering, Streaming, Rendering):
    """`defaults` are JSON texts for fields that a chat completion may leave out."""

    def __init__(
        self,
        client: HttpClient,
        site: Site,
        patience: Patience,
        shown: ShownIds,
        *,
        defaults: Mapping[str, bytes],
    ) -> None:
        self._client = client
        self._site = site
        self._patiences = Patiences(patience)
        self._accent = site.accent
        self._shown = shown
        self._model = _encoder.encode(site.model)
        self._defaults = tuple(defaults.items())
        self.stored = StoredResponses(client, site, self._patiences, shown)
        self._targets: dict[Endpoint, Target] = {}
        self._changed: dict[tuple[str, ...], bytes] = {}
        self._upload_targets: dict[Endpoint, Target] = {}
        self._target(
            Endpoint.CHAT_COMPLETIONS
        )  # what is wrong with the URL is said at registration

    def _target(self, endpoint: Endpoint) -> Target:
        """Return where an endpoint is called; made at its first use. Raises ValueError."""
        target = self._targets.get(endpoint)
        if target is None:
            target = self._targets[endpoint] = self._made(endpoint, JSON)
        return target

    def _upload_target(self, endpoint: Endpoint) -> Target:
        """Return the same for a form, whose content type is its own."""
        target = self._upload_targets.get(endpoint)
        if target is None:
            target = self._upload_targets[endpoint] = self._made(endpoint, {})
        return target

    def _made(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Target:
        url = self._site.url(endpoint)
        if url is None:
            raise OperationNotSupported(
                f"The provider of this model does not offer `/v1/{endpoint}`.", param="model"
            )
        return self._client.target(url, {**headers, **HEADERS, **self._site.headers})

    @override
    async def answer(self, call: Call) -> Reply:
        changes = self._changes(call)
        target, body = self._outgoing(call, changes)
        if self._site.credential is not None:
            target = await authorized(target, self._site.credential)
        try:
            exchange, answer = await self._client.fetch(
                target, body, self._patiences.of(call.silence_s, whole=True)
            )
        except TransportError as error:
            raise transport_failure(error) from error
        if exchange.status != 200:
            heard(exchange.status, self._site.credential)
            words = answer if call.previous is None else in_words(answer, call.previous)
            raise self._accent.failure(exchange.status, exchange.headers, words)
        headers, content_type = passing(exchange.head)
        usage = usage_in(call.endpoint, answer, content_type)
        headers.append(b"content-type: " + (content_type or b"application/json"))
        if changes:
            headers.append(self._named(changes))
        if call.endpoint in WITH_IDS:
            answer = self._shown.in_answer(answer, call.caller.project)
        if self._site.provisioned:
            return Reply(headers, answer, usage, load_percent(exchange.head))
        return Reply(headers, answer, usage)

    @override
    async def stream(self, call: Call) -> Events:
        changes = self._changes(call)
        hides_usage = call.endpoint in CHATS and self._adds_usage(changes, call)
        target, body = self._outgoing(call, changes)
        if self._site.credential is not None:
            target = await authorized(target, self._site.credential)
        patience = self._patiences.of(call.silence_s, whole=False)
        try:
            exchange = await self._client.open(target, body, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        again = partial(self._client.open, target, body, patience)
        events: Incoming
        if call.endpoint in CHATS:
            events = self._accent.events(exchange, again, call, hide_usage=hides_usage)
        elif call.endpoint is Endpoint.AUDIO_TRANSCRIPTIONS:
            events = TranscriptEvents(exchange, again)
        elif call.endpoint is Endpoint.RESPONSES:
            project = call.caller.project
            events = ResponseEvents(exchange, again, self._shown, project, call.previous)
        elif call.stream:
            events = TypedEvents(exchange, again, call.endpoint)
        else:
            events = BinaryStream(exchange, again)
        events.credential = self._site.credential
        events.provisioned = self._site.provisioned
        if changes:
            events.further = (self._named(changes),)
        return events

    @override
    async def render(self, call: Call) -> Rendered:
        changes = self._changes(call)
        if call.stream and call.endpoint in CHATS:
            self._adds_usage(changes, call)
        target, body = self._outgoing(call, changes)
        signed = self._site.credential is not None
        return rendered(target, body, signed=signed, changed=tuple(changes))

    def _outgoing(self, call: Call, changes: dict[str, bytes]) -> tuple[Target, bytes | Outgoing]:
        """Return where a call goes and what is sent, but for a credential that changes."""
        if call.upload is None:
            gone = () if self._accent is PLAIN else self._accent.rename(call, changes)
            return self._target(call.endpoint), call.body.rewritten(changes, gone)
        return self._upload_target(call.endpoint), call.upload.naming(self._site.model)

    def _named(self, changes: Mapping[str, bytes]) -> bytes:
        """Return the header that names the fields which the provider got in another form."""
        fields = tuple(changes)
        named = self._changed.get(fields)
        if named is None:
            named = self._changed[fields] = f"x-llmproxy-changed: {', '.join(fields)}".encode()
        return named

    def _adds_usage(self, changes: dict[str, bytes], call: Call) -> bool:
        """Have the provider report usage where it can; return whether the caller had not asked."""
        return self._site.stream_options and not _asks_for_usage(changes, call)

    def _changes(self, call: Call) -> dict[str, bytes]:
        changes: dict[str, bytes] = {}
        if self._defaults and call.endpoint in CHATS:
            changes = {field: text for field, text in self._defaults if _leaves_out(field, call)}
        if call.body.value("model") != self._model:
            changes["model"] = self._model
        if call.previous is not None:
            changes["previous_response_id"] = _encoder.encode(call.previous.upstream)
        return changes


def _leaves_out(field: str, call: Call) -> bool:
    """Whether the request does not set a field; `max_completion_tokens` is the new `max_tokens`."""
    newer = field == "max_tokens" and call.body.value("max_completion_tokens") not in ABSENT
    return call.body.value(field) in ABSENT and not newer


def _asks_for_usage(changes: dict[str, bytes], call: Call) -> bool:
    """Have the provider report usage; return whether the caller had asked for it itself."""
    text = call.body.value("stream_options")
    options = {} if text is None or text == b"null" else _options.decode(text)
    asked = options.get("include_usage")
    if asked is not None and bytes(asked) == b"true":
        return True
    options["include_usage"] = msgspec.Raw(b"true")
    changes["stream_options"] = _encoder.encode(options)
    return False
