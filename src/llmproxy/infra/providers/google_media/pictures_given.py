"""The images that an edit begins with, from a form or from a JSON body.

They go out within the request: Google takes 7 MB an image and 20 MB a request that way (Vertex AI's
page "Image understanding", 2026). Nothing is fetched from where a URL leads.
"""

import base64

from llmproxy.application.interfaces.call import Upload
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.google_media.generated import Medium
from llmproxy.infra.providers.google_media.given import Given, read
from llmproxy.infra.providers.translated.chat_request import data_url, invalid
from llmproxy.infra.providers.translated.remarks import Remarks

MAX_IMAGES = 16
MAX_IMAGES_BYTES = 14 * 1024 * 1024
"""As base64 they are a third larger, and the prompt is beside them."""


async def pictures_in_form(upload: Upload, given: Given) -> list[Medium]:
    """Return the images of a form. Raises InvalidRequest, before anything large is read."""
    if any(part.name == "mask" for part in given.files):
        raise _no_masks()
    parts = [part for part in given.files if part.name in ("image", "image[]")]
    _check_size(len(parts), sum(part.size for part in parts))
    pictures = []
    for part in parts:
        data = await read(upload, part)
        kind = _kind(data)
        if kind is None:
            raise invalid(part.name, "expected an image in PNG, JPEG or WebP")
        pictures.append(Medium(kind, base64.b64encode(data).decode("ascii")))
    return pictures


def pictures_in_json(given: Given, remarks: Remarks) -> list[Medium]:
    """Return the images of a JSON body, which must be `data:` URLs. Raises InvalidRequest."""
    if given.values.get("mask") is not None:
        raise _no_masks()
    pictures = []
    for number, image in enumerate(given.values["images"]):
        place = f"images[{number}]"
        url = image.get("image_url") if isinstance(image, dict) else None
        if not isinstance(url, str):
            words = f"the model `{remarks.model}` takes images as an `image_url` only"
            raise invalid(place, words, code="unsupported_value")
        try:
            found = data_url(url)
        except ValueError as error:
            raise invalid(f"{place}.image_url", str(error)) from error
        if found is None:
            words = "expected a `data:` URL: the gateway fetches nothing"
            raise invalid(f"{place}.image_url", words, code="unsupported_value")
        pictures.append(Medium(*found))
    _check_size(len(pictures), sum(len(each.data) for each in pictures) * 3 // 4)
    return pictures


def _check_size(count: int, size: int) -> None:
    if count > MAX_IMAGES or size > MAX_IMAGES_BYTES:
        raise invalid(
            "image",
            f"this model takes up to {MAX_IMAGES} images of {MAX_IMAGES_BYTES} bytes together",
            code="image_too_large",
        )


def _no_masks() -> InvalidRequest:
    return invalid(
        "mask", "this model takes no masks", code="unsupported_value", hint="Say it in the prompt."
    )


def _kind(data: bytes) -> str | None:
    """Return the type of an image by how it begins."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None
