"""What a provider offers: small ports, one per flow.

An upstream without a flow simply does not offer its port.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.limiter import Scope, ScopeKind
from llmproxy.application.interfaces.rendering import Rendering
from llmproxy.application.interfaces.stored_response import Lookup
from llmproxy.application.interfaces.talk import Frame, Talk
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage

Headers = list[bytes]
"""Header lines as they stand on the wire, `name: value` without the line's end."""


class Reply(NamedTuple):
    """A whole answer: the provider's bytes, the headers that may pass to the caller.

    The usage it reported.
    """

    headers: Headers
    body: bytes
    usage: Usage | None
    load_percent: float | None = None
    """How full the deployment says it is; None where it does not."""


class Events(Protocol):
    """A streamed answer on its way.

    `headers` may pass to the caller; `usage` is final after the end. `load_percent` is how full the
    deployment says it is, None where it does not.
    """

    headers: Headers
    usage: Usage | None
    load_percent: float | None = None

    @property
    @abstractmethod
    def output_bytes(self) -> int:
        """About how much text of the answer has arrived, for an estimate of its tokens."""

    @property
    @abstractmethod
    def passed(self) -> int:
        """How many events have gone on: the sequence number of the next one, if they have any."""

    @abstractmethod
    async def next(self) -> bytes | None:
        """Return all whole events that have arrived, b"" when the provider has been silent.

        None after a complete end.

        Raises UpstreamError when the answer breaks off or the provider reports a failure in the
        stream.
        """

    @abstractmethod
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand whole events to `sink` as they arrive, until only `next` can say how it goes on.

        Call it after `next` has returned events; call `next` after it. A sink that returns False
        has not taken the events: they come from `next` again.
        """

    @abstractmethod
    def has_content(self, batch: bytes) -> bool:
        """Whether these events hold content: not only a role, a filter's preamble or a comment."""

    @abstractmethod
    def pulse_every(self, seconds: float) -> None:
        """From now on let `next` return b"" after this long without an event."""

    @abstractmethod
    def close(self) -> None:
        """Give up: the provider's work is cancelled unless it is complete."""


class Answering(Protocol):
    """Answers in one piece."""

    @abstractmethod
    async def answer(self, call: Call) -> Reply:
        """Return the provider's answer. Raises UpstreamError."""


class Streaming(Protocol):
    """Answers in events."""

    @abstractmethod
    async def stream(self, call: Call) -> Events:
        """Return when the provider has accepted the request. Raises UpstreamError."""


class Reading(NamedTuple):
    """What a frame of the provider tells of money: a response began, one ended, what was used."""

    begun: bool
    done: bool
    usage: Usage | None


class Conversation(Talk, Protocol):
    """The provider's end of a conversation in frames."""

    @abstractmethod
    def reading(self, frame: Frame) -> Reading | None:
        """Return what a frame that has just been received tells of money, None for most."""


class Conversing(Protocol):
    """Converses in frames, both ways at once."""

    @abstractmethod
    async def converse(self, call: Call) -> Conversation:
        """Return when the provider has accepted the conversation. Raises UpstreamError."""


class Recalling(Protocol):
    """Keeps responses, which may be asked for by their ids."""

    @abstractmethod
    async def recall(self, lookup: Lookup) -> Reply:
        """Return the provider's answer. Raises UnknownResponse or UpstreamError."""

    @abstractmethod
    async def replay(self, lookup: Lookup) -> Events:
        """Return the events of a response, past ones and those to come. Raises UpstreamError."""


@dataclass(frozen=True)
class Deployment:
    """A registered model document with the adapter that reaches it.

    `not_ready` says why it cannot be used now; `created` is when the document was last changed, in
    unix seconds.
    """

    model: Model
    answering: Answering | None
    streaming: Streaming | None
    not_ready: str | None = None
    created: int = 0
    conversing: Conversing | None = None
    recalling: Recalling | None = None
    rendering: Rendering | None = None

    @cached_property
    def scope(self) -> Scope | None:
        """What limits this document alone, None when nothing does."""
        limits = self.model.limits
        return None if limits is None else Scope(ScopeKind.DEPLOYMENT, self.model.id, limits)

    @cached_property
    def labels(self) -> tuple[bytes, bytes]:
        """Header lines that name the model's code and id, `?` for what is not printable ASCII."""
        code, id_ = _ascii(self.model.code), _ascii(self.model.id)
        return b"x-llmproxy-model: " + code, b"x-llmproxy-deployment: " + id_


def _ascii(name: str) -> bytes:
    return name.encode("ascii", "replace") if name.isprintable() else b"?"
