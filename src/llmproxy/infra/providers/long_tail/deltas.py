"""LiteLLM's chunks, into the events that `ChatChunks` writes."""

from collections.abc import Mapping
from typing import Final

from llmproxy.domain.errors import Broken
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.long_tail.counts import counted
from llmproxy.infra.providers.long_tail.importing import Foreign
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks

FINISHES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("stop", "complete", "stop_sequence", "end_turn", "eos", "eos_token"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length"), "length"),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), "tool_calls"),
    **dict.fromkeys(("content_filter", "error_toxic", "safety", "refusal"), "content_filter"),
}
"""Why an answer ends, by the words of providers in small letters."""


def finish_of(word: object) -> str | None:
    """Return OpenAI's word, None for none. Raises Broken for one that tells of no end."""
    if not word:
        return None
    finish = FINISHES.get(str(word).lower())
    if finish is None:
        error = Broken("The provider ended its answer for a reason that is not known.")
        error.detail = f"finish reason {str(word)[:100]!r}"
        raise error
    return finish


class Deltas:
    """Reads the chunks of one stream. `usage` is what the provider has reported so far."""

    def __init__(self, chunks: ChatChunks) -> None:
        self._chunks = chunks
        self._calls: dict[tuple[int, int], tuple[str, int]] = {}
        self._silent: dict[tuple[int, int], int] = {}
        self.usage: Usage | None = None

    def take(self, chunk: Foreign) -> bytes:
        """Return the events for one chunk; None is a chunk that says nothing. Raises Broken."""
        if chunk is None:
            return b""
        if isinstance(chunk, dict):
            return self._general(chunk)
        self.usage = counted(getattr(chunk, "usage", None)) or self.usage
        return b"".join([self._choice(choice) for choice in chunk.choices])

    def _general(self, chunk: Mapping[str, Foreign]) -> bytes:
        """Read a `GenericStreamingChunk`: text, one tool call, an end, usage."""
        self.usage = counted(chunk.get("usage")) or self.usage
        made = self._chunks.text(chunk.get("text") or "")
        if chunk.get("tool_use"):
            made += self._call(0, chunk["tool_use"])
        if chunk.get("is_finished"):
            made += self._ends(0, chunk.get("finish_reason"))
        return made

    def _choice(self, choice: Foreign) -> bytes:
        index, delta = choice.index or 0, choice.delta
        made = self._chunks.reasoning(getattr(delta, "reasoning_content", None) or "", index)
        thoughts = getattr(delta, "thinking_blocks", None)
        if thoughts:
            made += self._chunks.further({"thinking_blocks": json_of(thoughts)}, index)
        logprobs = json_of(getattr(choice, "logprobs", None))
        made += self._chunks.text(delta.content or "", index, logprobs)
        for call in delta.tool_calls or ():
            made += self._call(index, call)
        return made + self._ends(index, choice.finish_reason)

    def _ends(self, index: int, word: object) -> bytes:
        """Note an end; a call that said no arguments has none, which is `{}` in JSON."""
        finish = finish_of(word)
        if finish is None:
            return b""
        silent = [number for place, number in self._silent.items() if place[0] == index]
        made = [self._chunks.tool_arguments(number, "{}", index) for number in silent]
        self._silent.clear()
        self._chunks.finishes(finish, index)
        return b"".join(made)

    def _call(self, index: int, call: Foreign) -> bytes:
        said = json_of(call)
        function = said.get("function") or {}
        place = (index, said.get("index") or 0)
        id_, name = said.get("id"), function.get("name")
        known = self._calls.get(place)
        made = b""
        if known is None or (id_ and name and id_ != known[0]):
            if not id_ or not name:
                raise Broken("The provider goes on with a tool call that it never began.")
            number, made = self._chunks.tool_begins(id_, name, index)
            self._calls[place] = known = (id_, number)
            self._silent[index, number] = number
        arguments = function.get("arguments")
        if arguments:
            self._silent.pop((index, known[1]), None)
            made += self._chunks.tool_arguments(known[1], arguments, index)
        return made


def json_of(value: Foreign) -> Foreign:
    """Return JSON values of one of LiteLLM's objects, which are of pydantic or already plain."""
    if isinstance(value, list | tuple):
        return [json_of(each) for each in value]
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
