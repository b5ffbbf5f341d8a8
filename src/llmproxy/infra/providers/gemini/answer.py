"""A whole answer of Gemini's as a chat completion.

Parts of one candidate become one message: texts together; thoughts in `reasoning_content`; function
calls with their arguments as JSON text; images as `images` of the message, each an `image_url` with
a data URL, since OpenAI has no word for them in chat (the field that clients of other gateways
know); signatures in `extra_content` (`signatures.py`). Citations, safety ratings and grounding are
passed over, and so are parts of tools that run at Google: no request made here asks for any.
A prompt that was blocked is a refusal with the status 400. Shape: google-genai 3.6.1 `types.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.gemini.finishes import UNSAID, finish_of
from llmproxy.infra.providers.gemini.signatures import new_id, shown
from llmproxy.infra.providers.gemini.usage import usage_in
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.chat_answer import (
    SaidCall,
    SaidChoice,
    answer_head,
    chat_answer,
)
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Translated
from llmproxy.infra.providers.vertex.failures import prompt_blocked, stream_failure
from llmproxy.infra.wire.unreadable import UNREADABLE

Json = dict[str, Any]
NULL = msgspec.Raw(b"null")
_EMPTY = msgspec.Raw(b"{}")


class FunctionCall(msgspec.Struct):
    """`args` is JSON text."""

    name: str = ""
    id: str | None = None
    args: msgspec.Raw = _EMPTY


class Blob(msgspec.Struct, rename="camel"):
    """`data` is base64."""

    mime_type: str = ""
    data: str = ""


class Part(msgspec.Struct, rename="camel"):
    """A part of a candidate; at most one of its kinds of data is set."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(msgspec.Struct):
    """What a candidate says."""

    parts: list[Part] = []


class Chosen(msgspec.Struct, rename="camel"):
    """A token and its logarithm of probability."""

    token: str = ""
    log_probability: float = 0.0


class Top(msgspec.Struct):
    """The likeliest tokens of one step."""

    candidates: list[Chosen] = []


class Logprobs(msgspec.Struct, rename="camel"):
    """One entry per step in each of the two."""

    chosen_candidates: list[Chosen] = []
    top_candidates: list[Top] = []


class Candidate(msgspec.Struct, rename="camel"):
    """One answer, or a piece of it in a stream."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    logprobs_result: Logprobs | None = None


class PromptFeedback(msgspec.Struct, rename="camel"):
    """What the filter says of the prompt."""

    block_reason: str | None = None
    block_reason_message: str | None = None


class Answer(msgspec.Struct, rename="camel"):
    """A `GenerateContentResponse`, whole or one of a stream's. `error` stands alone."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = NULL
    response_id: str | None = None
    error: msgspec.Raw = NULL


_decode = msgspec.json.Decoder(Answer).decode


def read_answer(body: bytes) -> Answer:
    """Return an answer. Raises UpstreamError for an error, and for what is no answer."""
    try:
        answer = _decode(body)
    except UNREADABLE as error:
        if body.lstrip()[:1] == b"[" and b'"error"' in body:
            raise stream_failure(body) from error
        raise unreadable("The provider's answer makes no sense.", body, str(error)) from error
    if answer.error != NULL:
        raise stream_failure(body)
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason and not answer.candidates:
        raise prompt_blocked(feedback.block_reason, feedback.block_reason_message)
    return answer


def translated_answer(call: Call, body: bytes, kept: KeptReasoning) -> Translated:
    """Return a whole answer in OpenAI's words. Raises UpstreamError."""
    answer = read_answer(body)
    if not answer.candidates:
        raise Broken("The provider's answer holds nothing.")
    candidates = sorted(answer.candidates, key=lambda candidate: candidate.index or 0)
    choices = [_choice(candidate, call.caller.project, kept) for candidate in candidates]
    usage = usage_in(answer.usage_metadata)
    head = answer_head(call, answer.response_id)
    return Translated(chat_answer(head, choices, usage), usage)


def _choice(candidate: Candidate, project: str | None, kept: KeptReasoning) -> SaidChoice:
    reason = candidate.finish_reason
    if not reason or reason == UNSAID:
        raise Broken("The provider ended its answer early.")
    said = SaidChoice(None, finish_of(reason, candidate.finish_message))
    texts: list[str] = []
    for part in parts_in(candidate):
        if part.function_call is not None:
            called = called_by(part.function_call)
            if part.thought_signature:
                called.further = shown(part.thought_signature)
                kept.keep(project, called.id, part.thought_signature.encode())
            said.calls.append(called)
        elif part.thought:
            said.reasoning += part.text or ""
        else:
            texts.append(part.text or "")
            _add_further(said.further, part)
    text = "".join(texts)
    said.text = text if text or not said.calls else None
    said.logprobs = logprobs_of(candidate.logprobs_result)
    return said


def _add_further(further: Json, part: Part) -> None:
    if part.inline_data is not None:
        further.setdefault("images", []).append(image_of(part.inline_data))
    if part.thought_signature:
        further |= shown(part.thought_signature)


def parts_in(candidate: Candidate) -> Iterable[Part]:
    """Return the parts of a candidate."""
    return () if candidate.content is None else candidate.content.parts


def called_by(call: FunctionCall) -> SaidCall:
    """Return a call with compact arguments and an id, the model's own where it gave one."""
    if not call.name:
        raise Broken("The provider's answer calls a tool that has no name.")
    arguments = msgspec.json.format(call.args, indent=-1).decode()
    return SaidCall(call.id or new_id(), call.name, "{}" if arguments == "null" else arguments)


def image_of(blob: Blob) -> Json:
    """Return an image of an answer, as an entry of the message's `images`."""
    return {
        "type": "image_url",
        "image_url": {"url": f"data:{blob.mime_type};base64,{blob.data}"},
    }


def logprobs_of(said: Logprobs | None) -> Mapping[str, object] | None:
    """Return the probabilities of tokens as OpenAI has them."""
    if said is None or not said.chosen_candidates:
        return None
    tops = said.top_candidates
    content = []
    for step, chosen in enumerate(said.chosen_candidates):
        top = tops[step].candidates if step < len(tops) else ()
        content.append(_logprob(chosen) | {"top_logprobs": [_logprob(each) for each in top]})
    return {"content": content, "refusal": None}


def _logprob(chosen: Chosen) -> Json:
    return {
        "token": chosen.token,
        "logprob": chosen.log_probability,
        "bytes": list(chosen.token.encode()),
    }
