"""One deployment that speaks OpenAI's wire: what is sent, and how its answer is read."""

from collections.abc import Mapping
from functools import partial

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Answering, Events, Reply, Streaming
from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.openai_wire.events import OpenAIEvents
from llmproxy.infra.providers.openai_wire.failures import DETAIL_BYTES, failure, transport_failure
from llmproxy.infra.providers.openai_wire.headers import passing
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.target import Patience, Target
from llmproxy.infra.wire.unreadable import UNREADABLE


class _Completion(msgspec.Struct):
    choices: list[msgspec.Raw]
    usage: WireUsage | None = None


class _Choices(msgspec.Struct):
    choices: list[msgspec.Raw]


_completion = msgspec.json.Decoder(_Completion)
_choices = msgspec.json.Decoder(_Choices)
_options = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


class OpenAIWire(Answering, Streaming):
    """`defaults` are JSON texts for fields that a request may leave out.

    `model` is the name the provider knows.
    """

    def __init__(
        self,
        client: HttpClient,
        target: Target,
        patience: Patience,
        *,
        model: str,
        defaults: Mapping[str, bytes],
        stream_options: bool = True,
    ) -> None:
        self._client = client
        self._target = target
        self._patience = patience
        self._model = _encoder.encode(model)
        self._defaults = tuple(defaults.items())
        self._stream_options = stream_options

    @override
    async def answer(self, call: Call) -> Reply:
        body = call.body.rewritten(self._changes(call))
        try:
            exchange, answer = await self._client.fetch(self._target, body, self._patient(call))
        except TransportError as error:
            raise transport_failure(error) from error
        if exchange.status != 200:
            raise failure(exchange.status, exchange.headers, answer)
        try:
            completion = _completion.decode(answer)
        except UNREADABLE as error:
            completion = _without_usage(answer, error)
        headers, content_type = passing(exchange.headers)
        headers.append((b"content-type", content_type or b"application/json"))
        usage = None if completion.usage is None else usage_from(completion.usage)
        return Reply(headers, answer, usage)

    @override
    async def stream(self, call: Call) -> Events:
        changes = self._changes(call)
        asked = not self._stream_options or _asks_for_usage(changes, call)
        body = call.body.rewritten(changes)
        patience = self._patient(call)
        try:
            exchange = await self._client.open(self._target, body, patience)
        except TransportError as error:
            raise transport_failure(error) from error
        again = partial(self._client.open, self._target, body, patience, fresh=True)
        return OpenAIEvents(exchange, again, hide_usage=not asked)

    def _changes(self, call: Call) -> dict[str, bytes]:
        changes = {field: text for field, text in self._defaults if _leaves_out(field, call)}
        if call.body.value("model") != self._model:
            changes["model"] = self._model
        return changes

    def _patient(self, call: Call) -> Patience:
        patience = self._patience
        limit_s = call.silence_s
        if limit_s is None or limit_s >= max(patience.first_byte_s, patience.idle_s):
            return patience
        return Patience(
            min(patience.connect_s, limit_s),
            min(patience.first_byte_s, limit_s),
            min(patience.idle_s, limit_s),
            patience.total_s,
        )


def _without_usage(answer: bytes, error: Exception) -> _Completion:
    """Read a completion whose usage makes no sense: it is an answer all the same.

    Raises Broken when it is no completion either.
    """
    try:
        return _Completion(_choices.decode(answer).choices)
    except UNREADABLE:
        broken = Broken("The provider's answer is not a chat completion.")
        broken.detail = f"{error}: {answer[:DETAIL_BYTES].decode('utf-8', 'replace')}"
        raise broken from error


def _leaves_out(field: str, call: Call) -> bool:
    """Whether the request does not set a field; `max_completion_tokens` is the new `max_tokens`."""
    newer = field == "max_tokens" and call.body.value("max_completion_tokens") is not None
    return call.body.value(field) is None and not newer


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
