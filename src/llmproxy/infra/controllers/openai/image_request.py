"""Desk: what a request for images must look like (CreateImageRequest, EditImageBodyJsonParam).

The model may be left out. Sizes, qualities and formats differ from model to model and are for the
provider to judge.
"""

from collections.abc import Mapping

from llmproxy.domain.usage import Usage
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    boolean,
    empty_array,
    json_object,
    missing,
    model_name,
    read_optional,
    text_of_at_most,
    whole,
    wrong_type,
)

MAX_PROMPT_CHARS = 32_000
TOKENS_PER_IMAGE = 16_384
"""What an image is taken to cost at most, in output tokens, until its usage is known.

OpenAI states 6,240 for the dearest image of gpt-image-1 (its image generation guide); its
calculator gives 7,024 for 1024x1024 and 12,329 for 3584x2048 with gpt-image-2, both at high quality
(OpenAI's developer community, April 2026).
"""
TOKENS_PER_PARTIAL_IMAGE = 100
"""OpenAI's image generation guide: each partial image of a stream costs so many more."""

CHECKS: Mapping[str, Check] = {
    "model": model_name,
    "prompt": text_of_at_most(MAX_PROMPT_CHARS),
    "n": whole(1, 10),
    "stream": boolean,
    "partial_images": whole(0, 3),
    "output_compression": whole(0, 100),
}


def _images(name: str, value: object) -> None:
    if not isinstance(value, list):
        raise wrong_type(name, "an array", value)
    if not value:
        raise empty_array(name)


EDIT_CHECKS: Mapping[str, Check] = {**CHECKS, "images": _images}


def image_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    return _asked(raw, CHECKS, ("prompt",))


def image_edit_request(raw: bytes) -> Asked:
    """Check a request to edit images that are named by URL or file id."""
    return _asked(raw, EDIT_CHECKS, ("images", "prompt"))


def _asked(raw: bytes, checks: Mapping[str, Check], needed: tuple[str, ...]) -> Asked:
    body = json_object(raw)
    values = read_optional(body, checks)
    for name in needed:
        if values.get(name) is None:
            raise missing(name)
    partial = (values.get("partial_images") or 0) * TOKENS_PER_PARTIAL_IMAGE
    count = values.get("n") or 1
    return Asked(
        body,
        values.get("model") or "",
        stream=values.get("stream") is True,
        choices=count,
        max_output_tokens=TOKENS_PER_IMAGE + partial,
        counted=Usage(images=count, estimated=True),
    )
