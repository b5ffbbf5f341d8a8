"""How a server that speaks OpenAI's wire differs from OpenAI: names of fields, roles, failures.

Most do not. What is changed here is on the written list, docs/wire-changes.md.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import UpstreamError
from llmproxy.infra.providers.openai_wire.chat_events import ChatEvents
from llmproxy.infra.providers.openai_wire.failures import failure
from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.transport.exchange import Exchange

ABSENT = (None, b"null")
DEVELOPER = b'"developer"'
_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_encoder = msgspec.json.Encoder()

Failure = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], UpstreamError]


def plain_events(exchange: Exchange, again: Again, _call: Call, *, hide_usage: bool) -> ChatEvents:
    """Read a stream as OpenAI sends it."""
    return ChatEvents(exchange, again, hide_usage=hide_usage)


class Accent(NamedTuple):
    """One kind of server.

    `renamed` are fields of a chat completion that have another name there, `developers` says
    whether it knows the role `developer`. `failure` reads an answer with another status than 200,
    `events` makes what reads a stream.
    """

    renamed: tuple[tuple[str, str], ...] = ()
    developers: bool = True
    failure: Failure = failure
    events: Callable[..., ChatEvents] = plain_events

    def rename(self, call: Call, changes: dict[str, bytes]) -> Collection[str]:
        """Add to the changes what has another name here; return the fields that go."""
        gone = []
        for name, other in self.renamed:
            text = call.body.value(name)
            if text is not None and call.body.value(other) in ABSENT:
                changes[other] = text
                gone.append(name)
        if not self.developers:
            text = call.body.value("messages")
            if text is not None and DEVELOPER in text:
                changes["messages"] = with_systems(text)
        return gone


def with_systems(messages: bytes) -> bytes:
    """Return messages in which developers speak as the system, as they did before (2024)."""
    decoded = _messages.decode(messages)
    for message in decoded:
        if bytes(message.get("role", b"")) == DEVELOPER:
            message["role"] = msgspec.Raw(b'"system"')
    return _encoder.encode(decoded)


PLAIN = Accent()
