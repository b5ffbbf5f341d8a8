"""The output of a response, made of what a chat says."""

import secrets
from collections.abc import Mapping
from typing import Any

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.responses_over_chat.chat_words import (
    Called,
    Logprobs,
    Said,
    TopLogprob,
)
from llmproxy.infra.providers.responses_over_chat.event_writer import EventWriter
from llmproxy.infra.providers.responses_over_chat.output_items import (
    FunctionCall,
    Message,
    Reasoning,
    Saying,
)
from llmproxy.infra.providers.translated.chat_request import JsonDict

INCOMPLETE: Mapping[str, str] = {"length": "max_output_tokens"}
"""Why an answer is incomplete, where OpenAI has another word for it."""
COMPLETE = frozenset(("stop", "tool_calls", "function_call"))


class Output:
    """`items` are those that are done; one at a time is being said.

    `token` is what the ids are made of. `spoke` is true after the first item was begun.
    """

    def __init__(self, writer: EventWriter, model: str, *, summarized: bool) -> None:
        self._writer = writer
        self._model = model
        self._summarized = summarized
        self._saying: Saying | None = None
        self._call_index = -1
        self._signed: list[JsonDict] = []
        self._extra: JsonDict | None = None
        self._finish: str | None = None
        self.token = secrets.token_hex(20)
        self.items: list[JsonDict] = []
        self.spoke = False

    def hear(self, said: Said, logprobs: Logprobs | None) -> None:
        """Take a message, or what a chunk adds to it. Raises Broken."""
        thought = said.reasoning_content or said.reasoning
        if thought and isinstance(thought, str):
            self._reasoning().say(thought)
        if said.thinking_blocks:
            self._sign(said.thinking_blocks)
        if said.content:
            self._message().say("output_text", said.content, _logprobs(logprobs))
        if said.annotations:
            self._message().annotate([_annotation(each) for each in said.annotations])
        if said.refusal:
            self._message().say("refusal", said.refusal)
        if said.extra_content:
            self._extra = (self._extra or {}) | said.extra_content
        for number, call in enumerate(said.tool_calls or ()):
            self._called(call, number)

    def finishes(self, reason: str | None) -> None:
        """Note why the chat ends; the first reason stands."""
        if self._finish is None:
            self._finish = reason

    def end(self) -> tuple[str, str | None]:
        """Write what is left; return `completed`, or `incomplete` and why.

        Raises Broken when the chat did not say why it ended.
        """
        finish = self._finish
        if finish is None:
            raise Broken("The provider ended its answer early.")
        complete = finish in COMPLETE
        status = "completed" if complete else "incomplete"
        if complete and self._only_thought():
            self._message().begin("output_text")
        self._close(status)
        if self._signed or self._extra:
            self._reasoning().extra_content = self._extra
            self._close("completed")
        return status, None if complete else INCOMPLETE.get(finish, finish)

    def _only_thought(self) -> bool:
        """Whether there is no answer yet; an empty one is an empty text."""
        saying = self._saying
        others = [item for item in self.items if item["type"] != "reasoning"]
        return not others and (saying is None or isinstance(saying, Reasoning))

    def _begins(self) -> tuple[int, str]:
        """Return the index of the next item and the end of its id."""
        self._close("completed")
        self.spoke = True
        index = len(self.items)
        return index, f"{self.token}{index:08x}"

    def _close(self, status: str) -> None:
        saying, self._saying = self._saying, None
        if saying is None:
            return
        if isinstance(saying, Message):
            saying.extra_content, self._extra = self._extra, None
        elif isinstance(saying, Reasoning):
            saying.blocks.add(self._signed)
            self._signed = []
        item = saying.done(status)
        self._writer.event("output_item.done", {"output_index": len(self.items), "item": item})
        self.items.append(item)

    def _reasoning(self) -> Reasoning:
        if not isinstance(self._saying, Reasoning):
            index, name = self._begins()
            self._saying = Reasoning(
                self._writer, index, f"rs_{name}", self._model, summarized=self._summarized
            )
        return self._saying

    def _message(self) -> Message:
        if not isinstance(self._saying, Message):
            index, name = self._begins()
            self._saying = Message(self._writer, index, f"msg_{name}")
        return self._saying

    def _sign(self, blocks: list[JsonDict]) -> None:
        """Keep blocks for the reasoning that is being said; later ones come behind the output."""
        if not self.items and self._saying is None:
            self._reasoning()
        self._signed += blocks

    def _called(self, call: Called, number: int) -> None:
        index = number if call.index is None else call.index
        function = call.function
        if index != self._call_index or not isinstance(self._saying, FunctionCall):
            if index <= self._call_index:
                raise Broken("The provider goes on with a tool call after it began another.")
            if function is None or not function.name:
                raise Broken("The provider's tool call has no name.")
            self._call_index = index
            call_id = call.id or f"call_{self.token}{index:08x}"
            if call.extra_content:
                self._reasoning().calls[call_id] = call.extra_content
            position, name = self._begins()
            item = {
                "id": f"fc_{name}",
                "call_id": call_id,
                "name": function.name,
                "extra_content": call.extra_content,
            }
            self._saying = FunctionCall(self._writer, position, item)
        elif call.extra_content:
            self._saying.extra_content = call.extra_content
        if function is not None and function.arguments:
            self._saying.say(function.arguments)


def _logprobs(logprobs: Logprobs | None) -> list[Any] | None:
    if logprobs is None or logprobs.content is None:
        return None
    return [
        {**_logprob(each), "top_logprobs": [_logprob(top) for top in each.top_logprobs or ()]}
        for each in logprobs.content
    ]


def _logprob(said: TopLogprob) -> JsonDict:
    """Return the probability of a token; `bytes` cannot be null in a response."""
    return {"token": said.token, "logprob": said.logprob, "bytes": said.bytes or []}


def _annotation(annotation: JsonDict) -> JsonDict:
    """Return a source of the text: its fields stand flat here and nested there."""
    kind = annotation.get("type")
    nested = annotation.get(str(kind))
    return {"type": kind, **nested} if isinstance(nested, dict) else annotation
