"""A call, read for LiteLLM's translators: what they understand, and what must be refused."""

from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.long_tail.dialect import Asked, JsonDict
from llmproxy.infra.providers.long_tail.media import Media
from llmproxy.infra.providers.long_tail.understanding import VARIANTS, Understood
from llmproxy.infra.providers.translated.chat_request import (
    Message,
    Part,
    invalid,
    messages_of,
    value_of,
)
from llmproxy.infra.providers.translated.leftovers import NEUTRAL, left_out

LENGTHS: Final = ("max_completion_tokens", "max_tokens")
"""Two names of one thing; the second is the older one."""
NAMES: Final = "messages[].name"
_ASKS_FOR_NOTHING: Final = {
    "tool_choice": (b'"auto"',),
    "response_format": (b'{"type":"text"}', b'{"type": "text"}'),
}


class Read(NamedTuple):
    """A request, and the fields of it that are not sent."""

    asked: Asked
    dropped: tuple[str, ...]


def read(call: Call, understood: Understood, media: Media, parameters: Parameters) -> Read:
    """Read a request. Raises InvalidRequest naming what this provider has no word for."""
    said = messages_of(call)
    _check_messages(said, media)
    fields = _fields(call, understood)
    neutral = {name for name in call.body.fields if _is_neutral(call, name)}
    known = understood.fields | neutral
    if not known.isdisjoint(LENGTHS):
        known |= {*LENGTHS}
    dropped = left_out(call, known, drop_unsupported=parameters.drop_unsupported)
    unsaid = _unsaid(fields, understood, call, drops=parameters.drop_unsupported)
    for name in unsaid:
        del fields[name]
    _fill(fields, understood, parameters)
    messages = [_message(each) for each in value_of(call, "messages")]
    named = not media.names and any(each.name and each.role != "tool" for each in said)
    nameless = (NAMES,) if named else ()
    return Read(Asked(messages, fields, call.stream), (*dropped, *unsaid, *nameless))


def _is_neutral(call: Call, name: str) -> bool:
    text = call.body.value(name)
    neutral = (*NEUTRAL.get(name, ()), *_ASKS_FOR_NOTHING.get(name, ()))
    return text is None or text.strip() in neutral


def _fields(call: Call, understood: Understood) -> JsonDict:
    fields: JsonDict = {}
    for name in call.body.fields:
        if name in understood.fields and not _is_neutral(call, name):
            value = value_of(call, name)
            if value is not None:
                fields[name] = value
    newer, older = LENGTHS
    value = value_of(call, newer)
    if value is not None and newer not in understood.fields and older in understood.fields:
        fields[older] = value
    return fields


def _unsaid(fields: JsonDict, understood: Understood, call: Call, *, drops: bool) -> list[str]:
    """Return the fields whose values are not understood. Raises InvalidRequest unless `drops`."""
    names = [name for name in VARIANTS if name in fields]
    unsaid = [name for name in names if not understood.takes(name, fields[name])]
    if unsaid and not drops:
        raise InvalidRequest(
            f"Unsupported value: '{unsaid[0]}' does not support this value with the model"
            f" `{call.model}`.",
            param=unsaid[0],
            code="unsupported_value",
            hint="Leave it out, or have the model's document say `drop_unsupported: true`.",
        )
    return unsaid


def _fill(fields: JsonDict, understood: Understood, parameters: Parameters) -> None:
    """Add the document's defaults; those that the provider cannot take are left out."""
    for name, value in parameters.request_defaults.items():
        said = name in fields or (name == "max_tokens" and not fields.keys().isdisjoint(LENGTHS))
        if name in understood.fields and not said:
            fields[name] = value


def _message(message: JsonDict) -> JsonDict:
    """Return a message without what says nothing; a developer speaks as the system.

    Clients that send an answer back send `refusal` and `audio` as null with it, and `annotations`,
    which no request has (openai-python 3.57.0 `chat_completion_assistant_message_param.py`); put
    together from a stream, the text of an answer that only calls tools is empty. Providers refuse
    these.
    """
    said = {
        name: value
        for name, value in message.items()
        if name == "content" or (value is not None and name != "annotations")
    }
    if said.get("role") == "developer":
        said["role"] = "system"
    refused = said.pop("refusal", None)
    if not said.get("content") and (refused or said.get("tool_calls")):
        said["content"] = refused
    if isinstance(said.get("content"), list):
        said["content"] = [_part(each) for each in said["content"]]
    return said


def _part(part: JsonDict) -> JsonDict:
    """Return a refusal as the text that it is: of others LiteLLM says nothing to most providers."""
    refused = part.get("type") == "refusal"
    return {"type": "text", "text": part.get("refusal") or ""} if refused else part


def _check_messages(messages: list[Message], media: Media) -> None:
    for number, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, part in enumerate(message.content):
                _check_part(part, f"messages[{number}].content[{place}]", media)
        for call in message.tool_calls or ():
            if call.function is None:
                raise invalid(
                    f"messages[{number}].tool_calls", "only functions can be said to this model"
                )


def _check_part(part: Part, place: str, media: Media) -> None:
    if part.type == "image_url":
        _check_picture(part, place, media)
    elif part.type == "input_audio" and not media.sounds:
        raise _cannot(place, "sound")
    elif part.type == "file":
        _check_file(part, place, media)
    elif part.type not in {"text", "refusal", "input_audio", "thinking"}:
        raise invalid(f"{place}.type", f"{part.type[:60]!r} cannot be said to this model")


def _check_picture(part: Part, place: str, media: Media) -> None:
    image = part.image_url
    url = image if isinstance(image, str) or image is None else image.url
    if not media.pictures and not media.links:
        raise _cannot(place, "pictures")
    if url is not None and url[:5].lower() != "data:" and not media.links:
        raise invalid(
            f"{place}.image_url.url",
            "this model takes pictures as data: URLs only, and the gateway fetches nothing",
        )


def _check_file(part: Part, place: str, media: Media) -> None:
    if not media.papers:
        raise _cannot(place, "files")
    if part.file is None or part.file.file_id is not None or not part.file.file_data:
        raise invalid(f"{place}.file", "this model takes files in `file_data` only")
    if part.file.file_data[:5].lower() != "data:":
        raise invalid(f"{place}.file.file_data", "must be a data: URL with base64")


def _cannot(place: str, what: str) -> InvalidRequest:
    return invalid(place, f"this model's provider takes no {what} through the gateway")
