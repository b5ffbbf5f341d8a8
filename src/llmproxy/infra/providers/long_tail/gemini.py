"""Gemini with a key of Google AI Studio. On Vertex AI it is its own model_type.

LiteLLM's handler for it is its own; the steps are those of litellm 1.110.2
`llms/vertex_ai/gemini/vertex_and_google_ai_studio_gemini.py` (`VertexLLM.completion`), without the
context caches that it would make over the network. Signatures of thoughts travel in the ids of tool
calls, LiteLLM's default, so that they come back whichever client is used.
"""

from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.long_tail.dialect import Asked, Dialect, JsonDict, Made, Silent
from llmproxy.infra.providers.long_tail.document import Said
from llmproxy.infra.providers.long_tail.importing import Foreign, part
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.readers import EventReader, object_of
from llmproxy.infra.providers.long_tail.understanding import mapped
from llmproxy.infra.providers.long_tail.whole import whole_answer
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader

_encode = msgspec.json.Encoder().encode
_PLACE = "llms.vertex_ai.gemini"


class Gemini(Dialect):
    """One model of Google AI Studio's."""

    def __init__(self, prepared: Prepared, said: Said) -> None:
        self.model = prepared.model
        self._config = prepared.config
        self._headers = {"Content-Type": "application/json", "x-goog-api-key": said.need_key()}
        self._body = part(f"{_PLACE}.transformation", "transform_request_body")
        url = part("llms.vertex_ai.common_utils", "get_gemini_url")
        self._whole = _at(said.endpoint, url("chat", self.model, False)[0])  # noqa: FBT003
        self._events = _at(said.endpoint, url("chat", self.model, True)[0])  # noqa: FBT003
        self._iterator = part(
            f"{_PLACE}.vertex_and_google_ai_studio_gemini", "ModelResponseIterator"
        )

    @override
    def request(self, asked: Asked) -> Made:
        optional = mapped(self._config, self.model, asked.fields)
        data: JsonDict = self._body(
            messages=asked.messages,
            model=self.model,
            optional_params=dict(optional),
            custom_llm_provider="gemini",
            litellm_params={},
            cached_content=None,
        )
        url = self._events if asked.stream else self._whole
        return Made(url, self._headers, _encode(data), optional, asked.messages, data)

    @override
    def answer(self, made: Made, body: bytes) -> Foreign:
        said = object_of(body)
        response = whole_answer(self._config.transform_response, self.model, made, body, {})
        if any("finishReason" not in each for each in said.get("candidates") or ()):
            raise Broken("The provider ended its answer early.")
        # Of an answer that was filtered, LiteLLM leaves out the thoughts, which are paid too.
        response.usage = self._config.calculate_usage(completion_response=said)
        return response

    @override
    def reader(self, made: Made, chunks: ChatChunks) -> Reader:
        iterator = self._iterator(
            streaming_response=iter(()), sync_stream=True, logging_obj=Silent(made.optional)
        )
        return EventReader(chunks, lambda event: _unfinished(event, iterator.chunk_parser(event)))


def _unfinished(event: JsonDict, chunk: Foreign) -> Foreign:
    """Take back the ends that LiteLLM gives to chunks in which Google said nothing of an end."""
    candidates = event.get("candidates") or ()
    ended = {each.get("index", 0) for each in candidates if "finishReason" in each}
    if chunk is not None and candidates:
        for choice in chunk.choices:
            if choice.index not in ended:
                choice.finish_reason = None
    return chunk


def _at(endpoint: str | None, url: str) -> str:
    """Return the URL at another address than Google's."""
    if endpoint is None:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    version = parts.path.split("/")[1]
    return f"{endpoint.removesuffix(f'/{version}')}{parts.path}{query}"
