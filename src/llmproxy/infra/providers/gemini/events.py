"""Gemini's streamed answers as chunks of a chat completion.

Each event is a whole `GenerateContentResponse` with what came since; function calls are whole.
There is no last event: an answer is complete when each of its candidates has said why it ends, and
`usageMetadata` grows, so that the last one counts. A failure comes as `data: {"error": …}`, or as
bare JSON over several lines (google-genai 3.6.1 `_api_client.py` reads both).
"""

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.gemini.answer import (
    NULL,
    Answer,
    Candidate,
    FunctionCall,
    Part,
    called_by,
    image_of,
    logprobs_of,
    read_answer,
)
from llmproxy.infra.providers.gemini.finishes import UNSAID, finish_of
from llmproxy.infra.providers.gemini.signatures import shown
from llmproxy.infra.providers.gemini.usage import usage_in
from llmproxy.infra.providers.translated.chat_answer import answer_head, asks_for_usage
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.sse import SseReader
from llmproxy.infra.providers.vertex.failures import stream_failure


class GeminiReader(SseReader):
    """Reads one streamed answer."""

    def __init__(self, call: Call, kept: KeptReasoning) -> None:
        super().__init__()
        self._call = call
        self._kept = kept
        self._chunks: ChatChunks | None = None
        self._counted = NULL

    @override
    def event(self, name: bytes, data: bytes) -> bytes:
        answer = read_answer(data)
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = self._begin(answer)
        if answer.usage_metadata != NULL:
            self._counted = answer.usage_metadata
        said = [self._candidate(chunks, candidate) for candidate in answer.candidates]
        self.spoke = chunks.spoke
        self.text_bytes = chunks.text_bytes
        self.events = chunks.events
        return said[0] if len(said) == 1 else b"".join(said)

    def _begin(self, answer: Answer) -> ChatChunks:
        head = answer_head(self._call, answer.response_id)
        return ChatChunks(head, include_usage=asks_for_usage(self._call))

    def _candidate(self, chunks: ChatChunks, candidate: Candidate) -> bytes:
        index = candidate.index or 0
        content = candidate.content
        said = b""
        if content is not None and content.parts:
            logprobs = logprobs_of(candidate.logprobs_result)
            for part in content.parts:
                if part.function_call is not None:
                    said += self._call_of(chunks, part, part.function_call, index)
                elif part.thought:
                    said += chunks.reasoning(part.text or "", index)
                else:
                    said += _said(chunks, part, index, logprobs)
                    logprobs = None
        reason = candidate.finish_reason
        if reason and reason != UNSAID:
            chunks.finishes(finish_of(reason, candidate.finish_message), index)
        return said

    def _call_of(self, chunks: ChatChunks, part: Part, call: FunctionCall, index: int) -> bytes:
        called = called_by(call)
        signature = part.thought_signature
        if signature:
            called.further = shown(signature)
            self._kept.keep(self._call.caller.project, called.id, signature.encode())
        number, begun = chunks.tool_begins(called.id, called.name, index, called.further)
        return begun + chunks.tool_arguments(number, called.arguments, index)

    @override
    def stray(self, block: bytes) -> bytes:
        raise stream_failure(block)

    @override
    def end(self) -> bytes:
        said = b""
        rest = self.rest()
        if rest:
            said = self._last(rest)
        if self._chunks is None:
            raise Broken("The provider's answer holds nothing.")
        self.usage = usage_in(self._counted)
        said += self._chunks.end(self.usage)
        self.spoke = self._chunks.spoke
        self.events = self._chunks.events
        return said

    def _last(self, rest: bytes) -> bytes:
        """Read what came without the empty line that ends an event; an error may."""
        if rest.startswith(b"data:"):
            return self.event(b"", rest[5:].strip())
        return self.stray(rest)


def _said(chunks: ChatChunks, part: Part, index: int, logprobs: object) -> bytes:
    said = chunks.text(part.text, index, logprobs) if part.text else b""
    if part.inline_data is not None:
        said += chunks.further({"images": [image_of(part.inline_data)]}, index)
    if part.thought_signature:
        said += chunks.further(shown(part.thought_signature), index)
    return said
