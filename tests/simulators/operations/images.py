"""`POST /v1/images/generations`: small pictures that depend on nothing but the prompt.

The GPT image models answer in base64 with their usage, and stream; DALL-E answers with a URL
unless it is asked for base64, and reports no usage. Rules and shapes: OpenAI's API description
2.3.0 (CreateImageRequest, ImagesResponse, ImageGenPartialImageEvent, ImageGenCompletedEvent).
"""

import base64
import hashlib
import struct
import zlib
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, typed_stream
from tests.simulators.chat import CREATED
from tests.simulators.http import Request
from tests.simulators.model import tokens_of
from tests.simulators.operations.operation import Asked, Operation, model_in_json
from tests.simulators.rules import Body, check_number, decoded, unknown_parameter

DEFAULT_MODEL = "dall-e-2"
PARAMETERS = frozenset(
    (
        "background",
        "model",
        "moderation",
        "n",
        "output_compression",
        "output_format",
        "partial_images",
        "prompt",
        "quality",
        "response_format",
        "size",
        "stream",
        "style",
        "user",
    )
)
TOKENS_PER_IMAGE = 1056
TOKENS_PER_PARTIAL_IMAGE = 100
SIDE = 16


def images(asked: Asked) -> Answer:
    """Answer with pictures."""
    body = decoded(asked.request.body)
    _check(body)
    drawn = not asked.model.startswith("dall-e")
    if body.get("stream"):
        if not drawn:
            raise RefusalError(400, "Unknown parameter: 'stream'.", param="stream")
        return typed_stream(_events(body), asked.headers(None))
    count = body.get("n") or 1
    pictures = [picture(body["prompt"], index) for index in range(count)]
    answer: dict[str, Any] = {"created": CREATED}
    if drawn:
        answer |= _look(body)
        answer["data"] = [{"b64_json": each} for each in pictures]
        answer["usage"] = usage(body["prompt"], count * TOKENS_PER_IMAGE)
    else:
        answer["data"] = [_older(body, each, index) for index, each in enumerate(pictures)]
    return json_answer(answer, headers=asked.headers(None), indent=2)


def picture(prompt: str, number: int) -> str:
    """A PNG of 16x16 pixels, in base64."""
    row = b"\0" + hashlib.shake_256(f"{prompt}{number}".encode()).digest(3 * SIDE)
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(row * SIDE)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return base64.b64encode(png).decode()


def usage(prompt: str, written: int, *, details: bool = True) -> dict[str, Any]:
    """What a GPT image model counts."""
    read = len(tokens_of(prompt))
    counted: dict[str, Any] = {
        "input_tokens": read,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": read},
        "output_tokens": written,
        "total_tokens": read + written,
    }
    if details:
        counted["output_tokens_details"] = {"image_tokens": written, "text_tokens": 0}
    return counted


def _check(body: Body) -> None:
    for name in body:
        if name not in PARAMETERS:
            raise unknown_parameter(name)
    if not isinstance(body.get("prompt"), str):
        raise RefusalError(
            400,
            "Missing required parameter: 'prompt'.",
            param="prompt",
            code="missing_required_parameter",
        )
    for name, (low, high) in {"n": (1, 10), "partial_images": (0, 3)}.items():
        if body.get(name) is not None:
            check_number(name, "integer", body[name], low, high)


def _look(body: Body) -> dict[str, Any]:
    asked = {name: body.get(name) for name in ("size", "quality", "background", "output_format")}
    plain = {"size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    return {
        name: plain[name] if asked[name] in {None, "auto"} else asked[name]
        for name in sorted(plain)
    }


def _older(body: Body, drawn: str, index: int) -> dict[str, Any]:
    if body.get("response_format") == "b64_json":
        return {"b64_json": drawn, "revised_prompt": f"{body['prompt']}, in detail"}
    return {"url": f"https://images.invalid/{index}.png"}


def _events(body: Body) -> list[dict[str, Any]]:
    look = {"created_at": CREATED, **_look(body)}
    wanted = body.get("partial_images") or 0
    partial = [
        {
            "type": "image_generation.partial_image",
            "partial_image_index": number,
            "b64_json": picture(body["prompt"], number + 100),
            **look,
        }
        for number in range(wanted)
    ]
    written = TOKENS_PER_IMAGE + wanted * TOKENS_PER_PARTIAL_IMAGE
    completed = {
        "type": "image_generation.completed",
        "b64_json": picture(body["prompt"], 0),
        **look,
        "usage": usage(body["prompt"], written, details=False),
    }
    return [*partial, completed]


def _model_of(request: Request) -> str | None:
    body = decoded(request.body)
    return DEFAULT_MODEL if body.get("model") is None else model_in_json(request)


IMAGES_GENERATIONS = Operation(images, _model_of)
