"""What a chat answers, whole or in chunks.

Shapes: openai-python 3.57.0 `types/chat/chat_completion.py` and `chat_completion_chunk.py`; beside
OpenAI's fields those in which other models reason: `reasoning_content` (DeepSeek's API), for which
newer servers say `reasoning` (vLLM 0.11), and `thinking_blocks`, `extra_content`.
"""

from typing import Any

import msgspec

from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.chat_request import JsonDict
from llmproxy.infra.wire.unreadable import UNREADABLE


class Function(msgspec.Struct):
    """A name, and arguments as JSON text; pieces of it in a chunk."""

    name: str | None = None
    arguments: str | None = None


class Called(msgspec.Struct):
    """A tool call, or a piece of the one with this `index`."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: JsonDict | None = None


class Said(msgspec.Struct):
    """A message, or what a chunk adds to it."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    thinking_blocks: list[JsonDict] | None = None
    tool_calls: list[Called] | None = None
    annotations: list[JsonDict] | None = None
    extra_content: JsonDict | None = None


class TopLogprob(msgspec.Struct):
    """A token and its probability; `bytes` are those of its text."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class Logprob(TopLogprob):
    """The token that was said, and those that nearly were."""

    top_logprobs: list[TopLogprob] | None = None


class Logprobs(msgspec.Struct):
    """The tokens of the text with their probabilities."""

    content: list[Logprob] | None = None


class Choice(msgspec.Struct):
    """One answer; there is only one."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Chat(msgspec.Struct):
    """A whole completion or a chunk of one."""

    choices: list[Choice] = []
    model: str | None = None
    service_tier: str | None = None


_chat = msgspec.json.Decoder(Chat)


def read_chat(text: bytes) -> Chat:
    """Return what the chat said. Raises Broken for what makes no sense."""
    try:
        return _chat.decode(text)
    except UNREADABLE as error:
        raise unreadable("The provider's answer makes no sense.", text, str(error)) from error
