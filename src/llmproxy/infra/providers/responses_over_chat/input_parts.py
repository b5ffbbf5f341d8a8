"""The content of input items, in the words of a chat message.

Shapes: openai-python 3.57.0 `types/responses/response_input_content.py` and what it names;
`types/chat/chat_completion_content_part_param.py`.
"""

from collections.abc import Callable, Mapping

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.translated.chat_request import JsonDict, invalid

NO_FILES = "This gateway keeps no files: send the content itself."
BESIDE = ("cache_control", "prompt_cache_breakpoint")
"""Where a prefix of the prompt is to be cached: Anthropic's word for it and OpenAI's."""


class Part(msgspec.Struct):
    """A part of an item's content; which fields are set, `type` says."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: JsonDict | None = None
    cache_control: JsonDict | None = None
    prompt_cache_breakpoint: JsonDict | None = None


def chat_content(
    content: str | list[Part] | None, at: str, *, spoken: bool = False
) -> str | list[JsonDict]:
    """Return a message's content; `spoken` by the model, or to it. Raises InvalidRequest.

    A single plain text is a string, which every model takes; parts are not joined.
    """
    if content is None:
        raise missing(at)
    if isinstance(content, str):
        return content
    kinds = SPOKEN if spoken else GIVEN
    parts = []
    for number, part in enumerate(content):
        make = kinds.get(part.type)
        if make is None:
            listed = ", ".join(f"'{kind}'" for kind in kinds)
            raise InvalidRequest(
                f"Invalid value: '{part.type[:100]}'. Supported values are: {listed}.",
                param=f"{at}[{number}].type",
                code="invalid_value",
            )
        made = make(part, f"{at}[{number}]")
        for name in BESIDE:
            beside = getattr(part, name)
            if beside is not None:
                made[name] = beside
        parts.append(made)
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return str(parts[0]["text"])
    return parts


def _text(part: Part, at: str) -> JsonDict:
    if part.text is None:
        raise missing(f"{at}.text")
    return {"type": "text", "text": part.text}


def _refusal(part: Part, at: str) -> JsonDict:
    if part.refusal is None:
        raise missing(f"{at}.refusal")
    return {"type": "refusal", "refusal": part.refusal}


def _image(part: Part, at: str) -> JsonDict:
    if part.file_id is not None:
        raise invalid(f"{at}.file_id", "it cannot be read here", hint=NO_FILES)
    if part.image_url is None:
        raise missing(f"{at}.image_url")
    image: JsonDict = {"url": part.image_url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _file(part: Part, at: str) -> JsonDict:
    for name in ("file_id", "file_url"):
        if getattr(part, name) is not None:
            raise invalid(f"{at}.{name}", "it cannot be read here", hint=NO_FILES)
    if part.file_data is None:
        raise missing(f"{at}.file_data")
    file: JsonDict = {"file_data": part.file_data}
    if part.filename is not None:
        file["filename"] = part.filename
    return {"type": "file", "file": file}


def _audio(part: Part, at: str) -> JsonDict:
    if part.input_audio is None:
        raise missing(f"{at}.input_audio")
    return {"type": "input_audio", "input_audio": part.input_audio}


def missing(param: str) -> InvalidRequest:
    """Return the refusal of an input without what must be there."""
    return InvalidRequest(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


GIVEN: Mapping[str, Callable[[Part, str], JsonDict]] = {
    "input_text": _text,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
SPOKEN: Mapping[str, Callable[[Part, str], JsonDict]] = {
    "output_text": _text,
    "refusal": _refusal,
}
