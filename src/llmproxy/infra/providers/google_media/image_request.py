"""What requests for images ask beyond the prompt, and what of it Google's models can do."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.google_media.given import Given, check_rest
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

SHARED = frozenset(("prompt", "n", "size", "response_format", "output_format"))
NEUTRAL: Mapping[str, Sequence[object]] = {
    "quality": ("auto", "standard"),
    "background": ("auto", "opaque"),
    "moderation": ("auto",),
    "partial_images": (0, "0"),
    "input_fidelity": ("low",),
}
"""`standard` and `opaque` are what these models always do; a low fidelity is OpenAI's default."""
MIME_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
FORMATS = {mime_type: name for name, mime_type in MIME_TYPES.items()}


def check_image_fields(
    call: Call, given: Given, remarks: Remarks, further: frozenset[str] = frozenset()
) -> None:
    """Refuse what no model of Google's can do for an image. Raises InvalidRequest."""
    if call.stream:
        words = "images of this model come in one piece"
        raise invalid("stream", words, code="unsupported_value")
    if given.text("response_format") not in (None, "b64_json"):
        raise invalid(
            "response_format",
            "images of this model are not kept at any address",
            code="unsupported_value",
            hint="Say `b64_json`.",
        )
    check_rest(given, remarks, SHARED | further, NEUTRAL)


def output_of(
    given: Given, mime_types: Sequence[str], remarks: Remarks
) -> tuple[str | None, int | None]:
    """Return the type that is asked for and the quality of its compression, None where not asked.

    Raises InvalidRequest for a format that the model does not make.
    """
    name = given.text("output_format")
    mime_type = None if name is None else MIME_TYPES.get(name, name)
    if mime_type is not None and mime_type not in mime_types:
        made = ", ".join(FORMATS[each] for each in mime_types)
        raise invalid("output_format", f"this model makes {made}", code="unsupported_value")
    compression = _whole(given.values.get("output_compression"))
    if compression is None or compression == 100:
        return mime_type, None if mime_type != "image/jpeg" else compression
    if mime_type != "image/jpeg":
        remarks.unsupported("output_compression")
        return mime_type, None
    return mime_type, compression


def _whole(value: Any) -> int | None:  # noqa: ANN401 - checked by the desk; a form's is a text
    return None if value is None else int(value)
