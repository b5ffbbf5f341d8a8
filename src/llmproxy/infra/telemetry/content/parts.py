"""Parts of messages in the words of OpenTelemetry's conventions for generative AI.

https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-input-messages.json
and gen-ai-output-messages.json, in development; read in November 2026). Pictures, sound and files
are told by their kind alone: a `blob` has no `content`, a `uri` neither query nor password.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from llmproxy.infra.wire.unreadable import UNREADABLE

Json = dict[str, Any]

MAX_TYPE_CHARS: Final = 100
SERVER_CALL: Final = ("action", "queries", "code", "name", "server_label")
"""What is told of a call of the provider's own tools, beside its arguments; no result is."""
_ADDRESS: Final = re.compile(r"(?!data:)[a-z][a-z0-9+.-]{0,30}://", re.IGNORECASE)
_DATA: Final = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60})[;,]", re.IGNORECASE)
"""A URL that is the content itself (RFC 2397), and the type of it."""
_decode: Final = msgspec.json.Decoder().decode


def listed(value: object) -> Iterator[Json]:
    """Yield the objects of a list; of what is none, nothing."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield each


def word(value: object) -> str | None:
    """Return what is a text that says something."""
    return value if isinstance(value, str) and value else None


def text(content: str) -> Json:
    """Return a part of text."""
    return {"type": "text", "content": content}


def of_content(content: object) -> list[Json]:
    """Return the parts of the `content` of a message: a text, or a list of parts."""
    if isinstance(content, str):
        return [text(content)] if content else []
    return [_of_part(part) for part in listed(content)]


def tool_call(of: Json, name: object, arguments: object) -> Json:
    """Return a call of a tool; `arguments` that are JSON in a text are told as JSON.

    `of` has its id, in the words of chat completions or of the Responses API.
    """
    return {
        "type": "tool_call",
        "id": word(of.get("call_id")) or word(of.get("id")),
        "name": word(name) or "",
        "arguments": _parsed(arguments),
    }


def tool_answer(number: object, response: object) -> Json:
    """Return what a tool has answered: a text, or parts."""
    told = response if isinstance(response, str) else of_content(response)
    return {"type": "tool_call_response", "id": word(number), "response": told}


def server_call(item: Json, kind: str) -> Json:
    """Return a call of one of the provider's own tools, without what came of it."""
    told = {name: item[name] for name in SERVER_CALL if item.get(name) is not None}
    if item.get("arguments") is not None:
        told["arguments"] = _parsed(item["arguments"])
    call = {"type": kind, **told}
    number = word(item.get("id"))
    return {"type": "server_tool_call", "id": number, "name": kind, "server_tool_call": call}


def sound(of: Json) -> list[Json]:
    """Return the sound that a model has answered with, and its words."""
    words = word(of.get("transcript"))
    return [_blob("audio", None), *([] if words is None else [text(words)])]


def _of_part(part: Json) -> Json:
    kind = part.get("type")
    made = _PARTS.get(kind) if isinstance(kind, str) else None
    if made is not None:
        return made(part)
    return {"type": (word(kind) or "unknown")[:MAX_TYPE_CHARS]}


def _parsed(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        value = _decode(arguments.encode())
    except UNREADABLE:
        return arguments
    return value if isinstance(value, dict) else arguments


def _text(part: Json) -> Json:
    return text(word(part.get("text")) or "")


def _reasoning(part: Json) -> Json:
    return {"type": "reasoning", "content": word(part.get("text")) or ""}


def _refusal(part: Json) -> Json:
    return refusal(word(part.get("refusal")) or "")


def refusal(content: str) -> Json:
    """Return the words with which a model refuses; the conventions leave the type to us."""
    return {"type": "refusal", "content": content}


def _image(part: Json) -> Json:
    said = part.get("image_url")
    return _media("image", said.get("url") if isinstance(said, dict) else said, part.get("file_id"))


def _audio(part: Json) -> Json:
    said = part.get("input_audio")
    form = word(said.get("format")) if isinstance(said, dict) else None
    return _blob("audio", None if form is None else f"audio/{form[:MAX_TYPE_CHARS]}")


def _file(part: Json) -> Json:
    said = part.get("file")
    of = said if isinstance(said, dict) else part
    url = word(of.get("file_url")) or of.get("file_data")
    return _media("document", url, of.get("file_id"))


def _media(modality: str, url: object, file_id: object) -> Json:
    if word(file_id) is not None:
        return {"type": "file", "modality": modality, "file_id": file_id}
    if not isinstance(url, str):
        return _blob(modality, None)
    if _ADDRESS.match(url):
        return {"type": "uri", "modality": modality, "uri": _place(url)}
    kind = _DATA.match(url)
    return _blob(modality, None if kind is None else kind[1])


def _blob(modality: str, mime_type: str | None) -> Json:
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": ""}


def _place(url: str) -> str:
    scheme, _, rest = url.partition("?")[0].partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


_PARTS: Final[Mapping[str, Callable[[Json], Json]]] = MappingProxyType(
    {
        "text": _text,
        "input_text": _text,
        "output_text": _text,
        "summary_text": _reasoning,
        "reasoning_text": _reasoning,
        "refusal": _refusal,
        "image_url": _image,
        "input_image": _image,
        "input_audio": _audio,
        "file": _file,
        "input_file": _file,
    }
)
"""By the types of parts of chat completions and of the Responses API."""
