"""What a caller asks, after the Desk has checked it and before any provider sees it."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.usage import Usage


class RequestBody(Protocol):
    """A JSON object whose values keep their very bytes."""

    @property
    @abstractmethod
    def fields(self) -> Collection[str]:
        """The names of its top-level fields, in the order in which they stand."""

    @abstractmethod
    def value(self, field: str) -> bytes | None:
        """Return the JSON text of a top-level field, None when it is absent."""

    @abstractmethod
    def rewritten(self, changes: Mapping[str, bytes], without: Collection[str] = ()) -> bytes:
        """Return the object with these fields set to this JSON text, and `without` some others.

        Without changes the very bytes received.
        """


class Outgoing(Protocol):
    """A request body on its way to a provider, piece by piece; it can be read again from anywhere.

    `content_type` is the value of its header.
    """

    size: int
    content_type: bytes

    @abstractmethod
    def pieces(self) -> list[bytes | memoryview] | None:
        """Return the whole body when it is in memory, else None: then `read` it."""

    @abstractmethod
    async def read(self, at: int) -> bytes | memoryview:
        """Return a piece of at most 128 KiB that begins there, never empty before the end.

        Raises OSError.
        """


class UploadedPart(NamedTuple):
    """A part of a form, a file or a text: `size` bytes, which begin at `start` of the form."""

    name: str
    is_file: bool
    start: int
    size: int


class Upload(Protocol):
    """A form with files, kept as it was received."""

    @abstractmethod
    def naming(self, model: str) -> Outgoing:
        """Return the very bytes received, but for the name of the model."""

    @abstractmethod
    def parts(self) -> Sequence[UploadedPart]:
        """Return the parts in their order, without reading their values."""

    @abstractmethod
    async def read(self, part: UploadedPart) -> bytes:
        """Return the whole value of a part, in memory: look at its size first. Raises OSError."""


@dataclass(slots=True)
class Call:
    """One request of one caller. Times are monotonic seconds.

    `prompt_bytes` is the size of the body: an upper bound of the prompt's tokens.
    `max_output_tokens` is what the request allows for each of `choices` answers, None when it sets
    no bound, 0 when answers hold no tokens (embeddings). `silence_s` is the longest silence the
    client waits out. `counted` is the call's usage as the gateway counts it from the request alone:
    it stands when the provider reports none, and its characters stand always, since no provider
    reports those. None where usage is estimated by the size of the texts. An `upload` is what goes
    to the provider instead of `body`, which then holds the texts of the form.
    `previous` is where the response lives that this one goes on from: only the deployment that made
    it can. With `background` the provider works on when the answer is sent, and its usage is never
    seen. `tags` are the caller's own words for the ledger. `audio_ms_at_most` bounds how long the
    sound is that is heard or read aloud; 0 where there is none. A `plain` prompt shows no images;
    of any other it has to be seen.
    """

    request_id: str
    caller: Caller
    endpoint: Endpoint
    operation: Operation
    model: str
    body: RequestBody
    prompt_bytes: int
    max_output_tokens: int | None
    choices: int
    stream: bool
    silence_s: float | None
    started_at: float
    counted: Usage | None = None
    upload: Upload | None = None
    previous: Origin | None = None
    background: bool = False
    tags: tuple[str, ...] = ()
    audio_ms_at_most: int = 0
    plain: bool = False
    entry: Closed | None = None
    """What the journal was told of its end, for the access line; None until then."""
    trace: Trace | None = None
    """Where its attempts are noted for those who follow it; None while nobody does."""
