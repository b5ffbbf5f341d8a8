"""Writes the events of a streamed chat completion, so that their rules hold whatever comes in.

One id and `created` for all; the role first, once per choice; the index of tool calls only grows,
with id and name once and arguments as text; `finish_reason` comes last and once, and is
`tool_calls` if and only if tools were called and nothing cut the answer short; usage at the very
end and once, when it was asked for, and null in every chunk before (openai-python 3.57.0
`types/chat/chat_completion_chunk.py`).
"""

import msgspec

from llmproxy.domain.errors import Broken
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.translated.chat_answer import (
    AnswerHead,
    finish_reason,
    wire_usage,
)

_encode = msgspec.json.Encoder().encode
EMPTY_USAGE = b',"usage":null'


class _Choice:
    """What has been said of one choice."""

    __slots__ = ("begun", "finish", "tools")

    def __init__(self) -> None:
        self.begun = False
        self.tools = 0
        self.finish: str | None = None


class ChatChunks:
    """The chunks of one answer. Each method returns whole events, most often one.

    `text_bytes` counts the text of all that was said, `spoke` is true after the first content,
    `events` is how many were made.
    """

    def __init__(self, head: AnswerHead, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._before = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b'
            % (
                _encode(head.id),
                head.created,
                _encode(head.model),
            )
        )
        after = EMPTY_USAGE if include_usage else b""
        self._open = b',"choices":[{"index":%d,"delta":'
        self._close = b',"logprobs":%b,"finish_reason":%b}]' + after + b"}\n\n"
        self._plain_close = self._close % (b"null", b"null")
        self._first_open = self._before + self._open % 0
        self._choices: dict[int, _Choice] = {}
        self.text_bytes = 0
        self.spoke = False
        self.events = 0

    def role(self, choice: int = 0) -> bytes:
        """Begin a choice; b"" when it has begun."""
        state = self._choices.get(choice)
        if state is None:
            state = self._choices[choice] = _Choice()
        if state.begun:
            return b""
        state.begun = True
        return self._chunk(choice, b'{"role":"assistant","content":""}')

    def text(self, piece: str, choice: int = 0, logprobs: object = None) -> bytes:
        """Say a piece of text."""
        return self._said(choice, b'{"content":%b}', piece, logprobs)

    def refusal(self, piece: str, choice: int = 0) -> bytes:
        """Say a piece of a refusal."""
        return self._said(choice, b'{"refusal":%b}', piece)

    def reasoning(self, piece: str, choice: int = 0) -> bytes:
        """Say a piece of what the model thinks aloud, in `reasoning_content`."""
        return self._said(choice, b'{"reasoning_content":%b}', piece)

    def further(self, delta: dict[str, object], choice: int = 0) -> bytes:
        """Say something that OpenAI's wire has no word for, such as a signature of reasoning."""
        begun = self.role(choice)
        self._speaking(choice)
        return begun + self._chunk(choice, _encode(delta))

    def tool_begins(
        self, id_: str, name: str, choice: int = 0, further: dict[str, object] | None = None
    ) -> tuple[int, bytes]:
        """Begin a tool call with empty arguments; return its index and the events."""
        begun = self.role(choice)
        state = self._speaking(choice)
        index = state.tools
        state.tools += 1
        call = {
            "index": index,
            "id": id_,
            "type": "function",
            "function": {"name": name, "arguments": ""},
            **(further or {}),
        }
        self.text_bytes += len(name)
        return index, begun + self._chunk(choice, _encode({"tool_calls": [call]}))

    def tool_arguments(self, index: int, piece: str, choice: int = 0) -> bytes:
        """Go on with the arguments, JSON text in pieces, of the call with this index."""
        state = self._speaking(choice)
        if not 0 <= index < state.tools:
            raise Broken("The provider goes on with a tool call that it never began.")
        self.text_bytes += len(piece)
        return self._chunk(
            choice,
            b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (index, _encode(piece)),
        )

    def finishes(self, reason: str, choice: int = 0) -> None:
        """Note why a choice ends, in OpenAI's words; the first reason stands."""
        state = self._choices.get(choice)
        if state is None:
            state = self._choices[choice] = _Choice()
        if state.finish is None:
            state.finish = reason

    def end(self, usage: Usage | None) -> bytes:
        """Return the last events. Raises Broken when a choice has no reason to end."""
        if not self._choices:
            raise Broken("The provider's answer holds nothing.")
        events = []
        for number, state in self._choices.items():
            if state.finish is None:
                raise Broken("The provider ended its answer early.")
            events.append(self.role(number))
            reason = finish_reason(state.finish, called=state.tools > 0)
            events.append(self._chunk(number, b"{}", finish=b'"%b"' % reason.encode("ascii")))
        if self._include_usage and usage is not None:
            said = _encode(wire_usage(usage))
            events.append(self._before + b',"choices":[],"usage":%b}\n\n' % said)
            self.events += 1
        self.spoke = True
        return b"".join(events)

    def _speaking(self, choice: int) -> _Choice:
        self.spoke = True
        state = self._choices[choice]
        if state.finish is not None:
            raise Broken("The provider goes on after it had said that it finished.")
        return state

    def _said(self, choice: int, delta: bytes, piece: str, logprobs: object = None) -> bytes:
        if not piece:
            return b""
        state = self._choices.get(choice)
        begun = b"" if state is not None and state.begun else self.role(choice)
        self._speaking(choice)
        self.text_bytes += len(piece)
        return begun + self._chunk(choice, delta % _encode(piece), logprobs=logprobs)

    def _chunk(
        self, choice: int, delta: bytes, *, logprobs: object = None, finish: bytes = b"null"
    ) -> bytes:
        self.events += 1
        opened = self._first_open if choice == 0 else self._before + self._open % choice
        if logprobs is None and finish == b"null":
            return opened + delta + self._plain_close
        said = b"null" if logprobs is None else _encode(logprobs)
        return opened + delta + self._close % (said, finish)
