"""What a translation is: OpenAI's request into a provider's, and the provider's answers back.

A translation belongs to one endpoint of one deployment. It never sends, waits or retries: the frame
in `wire.py` does, over the same transport as every other provider.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Headers
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.secret import Secret
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.transport.target import Target

EVENT_STREAM = b"text/event-stream"


class Sent(NamedTuple):
    """A translated request.

    `dropped` names the fields that were left out, since the provider knows nothing like them;
    `changed` those that were not simply renamed but given another value. Both are told to the
    caller in headers. `context` is whatever the way back needs to know. `further` are bodies of
    more requests to the same target, where a provider takes less in one than OpenAI does.
    """

    target: Target
    body: bytes
    dropped: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    context: object = None
    further: tuple[bytes, ...] = ()


class Translated(NamedTuple):
    """A whole answer in OpenAI's words, and the usage that it reports."""

    body: bytes
    usage: Usage | None
    content_type: bytes = b"application/json"


class Reader(Protocol):
    """Reads one streamed answer, piece by piece as it arrives, and gives events of OpenAI's.

    `usage` is final after `end`. `spoke` says whether content has been given, `text_bytes` about
    how much, `events` how many events have been given. Once `done`, nothing more is read.
    `failure` is what the provider reported behind events that were given first.
    """

    content_type: bytes
    usage: Usage | None
    spoke: bool
    text_bytes: int
    events: int
    done: bool
    failure: UpstreamError | None = None

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Return whole events for what has arrived, b"" while there are none.

        Raises UpstreamError when the provider reports a failure, or what arrives makes no sense.
        """

    @abstractmethod
    def end(self) -> bytes:
        """Return the last events of a complete answer.

        Raises Broken when the provider had not said that it was complete.
        """


class Translation(Protocol):
    """One endpoint of one deployment."""

    @abstractmethod
    async def request(self, call: Call) -> Sent:
        """Return what is sent.

        Raises CallerError for what cannot be said to this provider.
        """

    @abstractmethod
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        """Return a whole answer, status 200, in OpenAI's words.

        For a call that wants a stream (`call.stream`) these are the events, when `reader` gives
        none. Raises UpstreamError for a failure that the body tells of, Broken for no answer.
        """

    async def joined(self, _call: Call, _sent: Sent, _bodies: Sequence[bytes]) -> Translated:
        """Return one answer made of several, status 200 all, in the order of what was asked.

        Only for a request with `further` bodies. Raises as `answer` does.
        """
        raise TypeError("this translation never asks for several answers")

    @abstractmethod
    def reader(self, call: Call, sent: Sent) -> Reader | None:
        """Return what reads the streamed answer.

        None where the provider answers in one piece only.
        """

    @abstractmethod
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        """Return the error for another status than 200."""

    def secrets(self) -> Sequence[Secret]:
        """Return secrets that may stand elsewhere in a request than in its headers."""
        return ()

    def headers(self, _head: bytes) -> Headers:
        """Return further lines for the caller, made of an answer's head.

        Those of OpenAI's that the provider sends under their own names pass without this.
        """
        return []
