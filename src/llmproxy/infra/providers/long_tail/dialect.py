"""What a provider's translator does for one deployment, whichever parts of LiteLLM it is made of.

All of it is plain computing: nothing here waits.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from llmproxy.infra.providers.long_tail.importing import Foreign
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader

JsonDict = dict[str, Any]


class Asked(NamedTuple):
    """A request in OpenAI's words: its messages, and the other fields that are understood."""

    messages: list[JsonDict]
    fields: JsonDict
    stream: bool


class Made(NamedTuple):
    """A request in the provider's words, and what its answer is read with.

    `whole` says that the provider answers in one piece though a stream was asked for.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    optional: JsonDict
    messages: list[JsonDict]
    data: JsonDict
    json_mode: bool = False
    whole: bool = False


class Dialect(Protocol):
    """One deployment's provider."""

    model: str

    @abstractmethod
    def request(self, asked: Asked) -> Made:
        """Return the request. Raises whatever LiteLLM raises."""

    @abstractmethod
    def answer(self, made: Made, body: bytes) -> Foreign:
        """Return a whole answer as LiteLLM's `ModelResponse`. Raises whatever LiteLLM raises."""

    @abstractmethod
    def reader(self, made: Made, chunks: ChatChunks) -> Reader:
        """Return what reads a stream."""


Parse = Callable[[JsonDict], Foreign]
"""Makes LiteLLM's chunk (`ModelResponseStream`, `GenericStreamingChunk`, or None) of an event."""


class Silent:
    """Stands where LiteLLM wants its logging object: it takes every call and does nothing."""

    def __init__(self, optional: JsonDict | None = None) -> None:
        self.optional_params = optional or {}
        self.litellm_params: JsonDict = {}
        self.model_call_details: JsonDict = {}

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_arguments: object, **_named: object) -> None:
    return None
