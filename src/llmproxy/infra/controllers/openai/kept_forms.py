"""What can be told of an answer in OpenAI's words: whether it is complete, and its other form."""

from typing import Final

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import AnswerForms, Form, Kept, Shape
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.openai.kept_chat import chat_events, whole_chat
from llmproxy.infra.controllers.openai.kept_response import response_events, whole_response
from llmproxy.infra.wire.unreadable import UNREADABLE

LISTS: Final = {
    Endpoint.CHAT_COMPLETIONS: "choices",
    Endpoint.COMPLETIONS: "choices",
    Endpoint.EMBEDDINGS: "data",
    Endpoint.IMAGES_GENERATIONS: "data",
    Endpoint.IMAGES_EDITS: "data",
    Endpoint.MODERATIONS: "results",
}
"""Where an answer holds what was asked for, which is never empty."""
ENDED: Final = frozenset({"completed", "incomplete"})
UNDER_WAY: Final = frozenset({"queued", "in_progress"})
FAILED: Final = b'"response.failed"'


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Said(msgspec.Struct):
    """The few fields of an answer that tell whether it is one."""

    error: msgspec.Raw = msgspec.Raw(b"null")
    status: str | None = None
    choices: list[_Choice] | None = None
    data: list[msgspec.Raw] | None = None
    results: list[msgspec.Raw] | None = None


_said = msgspec.json.Decoder(_Said).decode


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
            return _is_answer(call, _said(body))
        except UNREADABLE:
            return False

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


def _is_answer(call: Call, said: _Said) -> bool:
    if bytes(said.error) != b"null":
        return False
    if call.endpoint is Endpoint.RESPONSES:
        return said.status in ENDED or (call.background and said.status in UNDER_WAY)
    name = LISTS.get(call.endpoint)
    if name is None:
        return True
    held = getattr(said, name)
    if name == "choices" and held:
        return None not in [each.finish_reason for each in held]
    return bool(held)


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
