"""Parts of a message's content as Anthropic's blocks.

Images: gif, jpeg, png, webp, in base64 or by URL. Documents: PDF in base64 or by URL, plain text
(`types/image_block_param.py`, `types/document_block_param.py` of anthropic 2.12.0). There is no
sound, and no file that was uploaded before: the gateway keeps none.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from llmproxy.infra.providers.translated.chat_request import ImageUrl, Part, data_url, invalid
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]

IMAGES = frozenset(("image/gif", "image/jpeg", "image/png", "image/webp"))
PDF = "application/pdf"
TEXTS = frozenset(("text/plain", "text/markdown", "text/csv", "text/html", "text/xml"))
_ENDINGS = {".pdf": PDF, ".txt": "text/plain", ".md": "text/plain", ".csv": "text/plain"}
WEB = ("http://", "https://")


def blocks_of(content: str | list[Part] | None, place: str, remarks: Remarks) -> list[Json]:
    """Return a content's blocks, without texts that are empty.

    Raises InvalidRequest naming the part that cannot be said.
    """
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks = []
    for index, part in enumerate(content):
        make = _BLOCKS.get(part.type)
        where = f"{place}[{index}]"
        if make is None:
            raise invalid(
                f"{where}.type", f"the provider of this model takes no part of type '{part.type}'"
            )
        block = make(part, where, remarks)
        if block is None:
            continue
        if part.cache_control is not None:
            block["cache_control"] = part.cache_control
        blocks.append(block)
    return blocks


def text_only(blocks: list[Json], place: str) -> list[Json]:
    """Return the blocks. Raises InvalidRequest when one of them is no text."""
    if any(block["type"] != "text" for block in blocks):
        raise invalid(place, "only text can stand here")
    return blocks


def _text(part: Part, place: str, _remarks: Remarks) -> Json | None:
    text = part.refusal if part.type == "refusal" else part.text
    if text is None:
        raise invalid(f"{place}.{part.type}", "it is missing")
    return {"type": "text", "text": text} if text else None


def _image(part: Part, place: str, remarks: Remarks) -> Json:
    image = ImageUrl(part.image_url) if isinstance(part.image_url, str) else part.image_url
    place = f"{place}.image_url"
    if image is None:
        raise invalid(place, "it is missing")
    if image.detail not in (None, "auto"):
        remarks.drop("messages[].content[].image_url.detail")
    if image.url.startswith(WEB):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    kind, data = _embedded(image.url, f"{place}.url")
    if kind not in IMAGES:
        raise invalid(f"{place}.url", f"an image must be gif, jpeg, png or webp, not '{kind}'")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _file(part: Part, place: str, _remarks: Remarks) -> Json:
    file = part.file
    place = f"{place}.file"
    if file is None or file.file_data is None:
        raise invalid(
            f"{place}.file_data",
            "it is missing: no files are kept here that could be meant else",
        )
    source = _document(file.file_data, file.filename or "", f"{place}.file_data")
    block: Json = {"type": "document", "source": source}
    if file.filename:
        block["title"] = file.filename
    return block


def _document(data: str, filename: str, place: str) -> Json:
    if data.startswith(WEB):
        return {"type": "url", "url": data}
    if data[:5].lower() == "data:":
        kind, data = _embedded(data, place)
    else:
        kind = next((k for end, k in _ENDINGS.items() if filename.lower().endswith(end)), "")
    if kind == PDF:
        return {"type": "base64", "media_type": PDF, "data": data}
    if kind in TEXTS:
        return {"type": "text", "media_type": "text/plain", "data": _decoded(data, place)}
    raise invalid(place, f"a file must be a PDF or plain text, not '{kind or filename}'")


def _decoded(data: str, place: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode("utf-8")
    except ValueError as error:
        raise invalid(place, "it is not text in UTF-8, in base64") from error


def _embedded(url: str, place: str) -> tuple[str, str]:
    try:
        embedded = data_url(url)
    except ValueError as error:
        raise invalid(place, str(error)) from error
    if embedded is None:
        raise invalid(place, "it must begin with https://, http:// or data:")
    return embedded


_BLOCKS: Mapping[str, Callable[[Part, str, Remarks], Json | None]] = {
    "text": _text,
    "refusal": _text,
    "image_url": _image,
    "file": _file,
}
