"""What can be told of an answer in OpenAI's words: whether it is complete, and its other form."""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import AnswerForms, Form, Kept, Shape
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.openai.kept_chat import chat_events, whole_chat
from llmproxy.infra.controllers.openai.kept_response import response_events, whole_response
from llmproxy.infra.wire.unreadable import UNREADABLE

FAILED: Final = b'"response.failed"'


class _Ended(msgspec.Struct):
    """A choice that has come to its end."""

    finish_reason: str


class _Answer(msgspec.Struct, kw_only=True):
    """The few fields of an answer that tell whether it is one; only such a one can be read."""

    error: None = None


class _Choices(_Answer, kw_only=True):
    choices: Annotated[list[_Ended], Meta(min_length=1)]


class _Data(_Answer, kw_only=True):
    data: Annotated[list[msgspec.Raw], Meta(min_length=1)]


class _Results(_Answer, kw_only=True):
    results: Annotated[list[msgspec.Raw], Meta(min_length=1)]


class _Response(_Answer, kw_only=True):
    status: Literal["completed", "incomplete"]


class _UnderWay(_Answer, kw_only=True):
    """A response in the background, of which the first answer is that it is being made."""

    status: Literal["completed", "incomplete", "queued", "in_progress"]


_READERS: Final[dict[Endpoint, Callable[[bytes], _Answer]]] = {
    Endpoint.CHAT_COMPLETIONS: msgspec.json.Decoder(_Choices).decode,
    Endpoint.COMPLETIONS: msgspec.json.Decoder(_Choices).decode,
    Endpoint.EMBEDDINGS: msgspec.json.Decoder(_Data).decode,
    Endpoint.IMAGES_GENERATIONS: msgspec.json.Decoder(_Data).decode,
    Endpoint.IMAGES_EDITS: msgspec.json.Decoder(_Data).decode,
    Endpoint.MODERATIONS: msgspec.json.Decoder(_Results).decode,
    Endpoint.RESPONSES: msgspec.json.Decoder(_Response).decode,
}
_any: Final = msgspec.json.Decoder(_Answer).decode
_under_way: Final = msgspec.json.Decoder(_UnderWay).decode


class OpenAIForms(AnswerForms):
    """Answers in OpenAI's words."""

    @override
    def complete(self, call: Call, form: Form, body: bytes) -> bool:
        if form is Form.BYTES:
            return bool(body)
        if form is Form.EVENTS:
            # A stream that reached its end is complete; a response may have ended by failing.
            return bool(body) and not (call.endpoint is Endpoint.RESPONSES and FAILED in body)
        try:
            if call.background and call.endpoint is Endpoint.RESPONSES:
                _under_way(body)
            else:
                _READERS.get(call.endpoint, _any)(body)
        except UNREADABLE:
            return False
        return True

    @override
    def converted(self, kept: Kept, call: Call, wanted: Shape) -> bytes | None:
        try:
            if call.endpoint is Endpoint.CHAT_COMPLETIONS:
                return _chat(kept, wanted)
            if call.endpoint is Endpoint.RESPONSES:
                return _response(kept, wanted)
        except UNREADABLE:
            return None
        return None


def _chat(kept: Kept, wanted: Shape) -> bytes | None:
    whole = kept.body if kept.shape.form is Form.WHOLE else whole_chat(kept.body)
    if whole is None or wanted.form is Form.WHOLE:
        return whole
    return chat_events(whole, wanted.options)


def _response(kept: Kept, wanted: Shape) -> bytes | None:
    if kept.shape.form is wanted.form:
        # Only what hides the lengths of deltas differs (`include_obfuscation`).
        return None
    if wanted.form is Form.WHOLE:
        return whole_response(kept.body)
    return None if wanted.options else response_events(kept.body)
