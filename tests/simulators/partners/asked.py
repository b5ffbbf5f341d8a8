"""What all partners' routes share: the request with what its path says, and Google's errors."""

from dataclasses import dataclass, replace
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.chat import chat_chunks, chat_object
from tests.simulators.gemini.errors import google_error
from tests.simulators.http import Request
from tests.simulators.model import Completion
from tests.simulators.rules import Body, decoded

Json = dict[str, Any]

# What OpenAI alone says in an answer.
_OPENAI_ONLY = ("service_tier", "system_fingerprint", "obfuscation")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to one model. `model` as the path has it, or the body where the path has none."""

    request: Request
    project: str
    location: str
    model: str
    verb: str
    errors_in_array: bool

    @property
    def streams(self) -> bool:
        """Whether the verb is the one that streams."""
        return self.verb.startswith("stream")


def body_of(request: Request) -> Body:
    """The body, when it is declared as JSON. Raises RefusalError in Google's envelope."""
    if "json" not in (request.header("content-type") or ""):
        raise google_error(400)
    try:
        return decoded(request.body)
    except RefusalError as error:
        raise google_error(400, "Invalid JSON payload received.") from error


def plain(completion: Completion, body: Body) -> Json:
    """A completion as the servers of open models write it: OpenAI's without OpenAI's own fields."""
    answer = _stripped(chat_object(completion, body)) | {"usage": usage_of(completion)}
    for choice in answer["choices"]:
        for name in ("refusal", "annotations"):
            choice["message"].pop(name, None)
    return answer


def chunks(completion: Completion, body: Body) -> list[Json]:
    """The same in a stream; counted in a chunk of its own where that is asked for."""
    options = (body.get("stream_options") or {}) | {"include_obfuscation": False}
    made = [
        _stripped(chunk) for chunk in chat_chunks(completion, body | {"stream_options": options})
    ]
    for chunk in made:
        for choice in chunk["choices"]:
            choice["delta"].pop("refusal", None)
        if chunk.get("usage"):
            chunk["usage"] = usage_of(completion)
    return made


def usage_of(completion: Completion) -> Json:
    """The three counts, and those of reasoning where there are any."""
    usage: Json = {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
    }
    if completion.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": completion.reasoning_tokens}
    return usage


def with_reasoning_counted(completion: Completion) -> Completion:
    """What a model thinks aloud are tokens of its completion."""
    thought = sum(len(choice.reasoning.split()) for choice in completion.choices)
    return replace(
        completion,
        completion_tokens=completion.completion_tokens + thought,
        reasoning_tokens=thought,
    )


def _stripped(value: Json) -> Json:
    return {name: part for name, part in value.items() if name not in _OPENAI_ONLY}
