"""Parts of a user's message as Gemini's.

| OpenAI | Gemini |
|---|---|
| image, file or sound as base64 | `inlineData`, with its media type |
| an address with `https://`, `http://` or `gs://` | `fileData`: Google fetches it. The type is \
told by the ending, else the part is refused: `mimeType` must be right |
| `image_url.detail` `low`, `high` | `mediaResolution` from Gemini 3 on; before, left out and told |

`fileUri` takes buckets and public addresses (Vertex AI, "Generate content with the Gemini API",
`fileData`, 2026). A file that was uploaded before cannot be meant: the gateway keeps none. Which
media types a model takes, the model says.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from llmproxy.infra.providers.gemini.generation import Generation
from llmproxy.infra.providers.translated.chat_request import ImageUrl, Part, data_url, invalid
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]

FETCHED = ("https://", "http://", "gs://")
TYPES: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/plain",
    "csv": "text/csv",
    "html": "text/html",
    "xml": "text/xml",
    "json": "application/json",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mpeg": "video/mpeg",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/m4a",
    "aac": "audio/aac",
    "opus": "audio/opus",
}
"""By the ending of a name; those that Vertex AI lists ("Image understanding" and its sisters)."""
SOUNDS = frozenset(("wav", "mp3", "flac", "ogg", "m4a", "aac", "opus", "webm"))
_ALIASES = {"image/jpg": "image/jpeg"}
_RESOLUTIONS = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
_DETAIL = "messages[].content[].image_url.detail"


def parts_of(
    content: str | list[Part] | None, place: str, generation: Generation, remarks: Remarks
) -> list[Json]:
    """Return a content's parts, without texts that are empty: Gemini takes none.

    Raises InvalidRequest naming the part that cannot be said.
    """
    if content is None or isinstance(content, str):
        return [{"text": content}] if content else []
    said = []
    for index, part in enumerate(content):
        make = _PARTS.get(part.type)
        where = f"{place}[{index}]"
        if make is None:
            raise invalid(
                f"{where}.type", f"the provider of this model takes no part of type '{part.type}'"
            )
        made = make(part, where, generation, remarks)
        if made is not None:
            said.append(made)
    return said


def texts_of(content: str | list[Part] | None, place: str) -> list[str]:
    """Return a content's texts, without empty ones. Raises InvalidRequest for anything else."""
    if content is None or isinstance(content, str):
        return [content] if content else []
    for index, part in enumerate(content):
        if part.type not in ("text", "refusal"):
            raise invalid(f"{place}[{index}].type", "only text can stand here")
    texts = (part.refusal if part.type == "refusal" else part.text for part in content)
    return [text for text in texts if text]


def _text(part: Part, place: str, _generation: Generation, _remarks: Remarks) -> Json | None:
    text = part.refusal if part.type == "refusal" else part.text
    if text is None:
        raise invalid(f"{place}.{part.type}", "it is missing")
    return {"text": text} if text else None


def _image(part: Part, place: str, generation: Generation, remarks: Remarks) -> Json:
    image = ImageUrl(part.image_url) if isinstance(part.image_url, str) else part.image_url
    if image is None:
        raise invalid(f"{place}.image_url", "it is missing")
    said = _located(image.url, f"{place}.image_url.url")
    if image.detail in (None, "auto"):
        return said
    level = _RESOLUTIONS.get(image.detail or "")
    if level is None:
        raise invalid(f"{place}.image_url.detail", "it must be auto, low or high")
    if generation.part_resolution:
        said["mediaResolution"] = {"level": level}
    else:
        remarks.drop(_DETAIL)
    return said


def _sound(part: Part, place: str, _generation: Generation, _remarks: Remarks) -> Json:
    sound = part.input_audio
    place = f"{place}.input_audio"
    if sound is None:
        raise invalid(place, "it is missing")
    kind = sound.format.lower()
    if kind not in SOUNDS:
        raise invalid(f"{place}.format", f"it must be one of {', '.join(sorted(SOUNDS))}")
    mime_type = "audio/webm" if kind == "webm" else TYPES[kind]
    return {"inlineData": {"mimeType": mime_type, "data": sound.data}}


def _file(part: Part, place: str, _generation: Generation, _remarks: Remarks) -> Json:
    file = part.file
    place = f"{place}.file"
    if file is None or file.file_data is None:
        raise invalid(
            f"{place}.file_data", "it is missing: no files are kept here that could be meant else"
        )
    place = f"{place}.file_data"
    if file.file_data[:5].lower() == "data:" or file.file_data.startswith(FETCHED):
        return _located(file.file_data, place)
    kind = _by_ending(file.filename or "")
    if kind is None:
        raise _untold(place, "Send a `data:` URL, or a filename that ends in .pdf or .txt.")
    return {"inlineData": {"mimeType": kind, "data": file.file_data}}


def _located(url: str, place: str) -> Json:
    if url.startswith(FETCHED):
        kind = _by_ending(urlsplit(url).path)
        if kind is None:
            raise _untold(
                place, "Use an address that ends in .png, .jpg or the like, or a `data:` URL."
            )
        return {"fileData": {"mimeType": kind, "fileUri": url}}
    try:
        embedded = data_url(url)
    except ValueError as error:
        raise invalid(place, str(error)) from error
    if embedded is None:
        raise invalid(place, "it must begin with https://, http://, gs:// or data:")
    kind, data = embedded
    if not kind:
        raise invalid(place, "a data URL must name its media type")
    return {"inlineData": {"mimeType": _ALIASES.get(kind, kind), "data": data}}


def _by_ending(name: str) -> str | None:
    return TYPES.get(name.rpartition(".")[2].lower())


def _untold(place: str, hint: str) -> Exception:
    return invalid(
        place, "its name does not tell its media type, which the provider must know", hint=hint
    )


_PARTS: Mapping[str, Callable[[Part, str, Generation, Remarks], Json | None]] = {
    "text": _text,
    "refusal": _text,
    "image_url": _image,
    "input_audio": _sound,
    "file": _file,
}
