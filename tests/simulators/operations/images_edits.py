"""`POST /v1/images/edits` and `/variations`: pictures that depend on what was sent alone.

Rules and shapes: OpenAI's API description 2.3.0 (CreateImageEditRequest, EditImageBodyJsonParam,
CreateImageVariationRequest, ImageEditPartialImageEvent, ImageEditCompletedEvent).
"""

import hashlib
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer, typed_stream
from tests.simulators.chat import CREATED
from tests.simulators.forms import files_of, form_of, model_in_form, texts_of
from tests.simulators.http import Request
from tests.simulators.operations.images import (
    PARAMETERS,
    TOKENS_PER_IMAGE,
    picture,
    usage,
)
from tests.simulators.operations.operation import Asked, Operation, model_in_json
from tests.simulators.rules import decoded

VARIATION = frozenset(("image", "model", "n", "size", "response_format", "user"))
EDIT = PARAMETERS | {"image", "mask", "input_fidelity"}
MAX_IMAGES = 16
DEFAULT_EDITOR = "gpt-image-1"
DEFAULT_VARIER = "dall-e-2"
LOOK = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}


def edits(asked: Asked) -> Answer:
    """New pictures of the given ones."""
    if _is_json(asked.request):
        body = decoded(asked.request.body)
        prompt, count = body["prompt"], body.get("n") or 1
        return _drawn(asked, f"{prompt}|{body['images']}", prompt, count, stream=False)
    fields = form_of(asked.request)
    texts = texts_of(fields, EDIT)
    images = files_of(fields, "image", "image[]")
    if len(images) > MAX_IMAGES or "prompt" not in texts:
        raise RefusalError(400, "Missing required parameter: 'prompt'.", param="prompt")
    seed = texts["prompt"] + "".join(hashlib.sha256(each.value).hexdigest() for each in images)
    stream = texts.get("stream") == "true"
    return _drawn(asked, seed, texts["prompt"], int(texts.get("n", "1")), stream=stream)


def variations(asked: Asked) -> Answer:
    """Pictures like the given one, by URL or in base64."""
    fields = form_of(asked.request)
    texts = texts_of(fields, VARIATION)
    [image] = files_of(fields, "image")
    pictures = [
        picture(hashlib.sha256(image.value).hexdigest(), number)
        for number in range(int(texts.get("n", "1")))
    ]
    if texts.get("response_format") == "b64_json":
        data = [{"b64_json": each} for each in pictures]
    else:
        data = [{"url": f"https://images.invalid/{n}.png"} for n in range(len(pictures))]
    return json_answer({"created": CREATED, "data": data}, headers=asked.headers(None), indent=2)


def _drawn(asked: Asked, seed: str, prompt: str, count: int, *, stream: bool) -> Answer:
    if stream:
        return typed_stream(_events(seed, prompt), asked.headers(None))
    answer: dict[str, Any] = {"created": CREATED, **LOOK}
    answer["data"] = [{"b64_json": picture(seed, number)} for number in range(count)]
    answer["usage"] = usage(prompt, count * TOKENS_PER_IMAGE)
    return json_answer(answer, headers=asked.headers(None), indent=2)


def _events(seed: str, prompt: str) -> list[dict[str, Any]]:
    look = {"created_at": CREATED, **LOOK}
    partial = {
        "type": "image_edit.partial_image",
        "partial_image_index": 0,
        "b64_json": picture(seed, 100),
    }
    completed = {"type": "image_edit.completed", "b64_json": picture(seed, 0)}
    counted = usage(prompt, TOKENS_PER_IMAGE, details=False)
    return [partial | look, completed | look | {"usage": counted}]


def _is_json(request: Request) -> bool:
    return (request.header("content-type") or "").startswith("application/json")


def _editor(request: Request) -> str | None:
    return (model_in_json if _is_json(request) else model_in_form)(request) or DEFAULT_EDITOR


IMAGES_EDITS = Operation(edits, _editor)
IMAGES_VARIATIONS = Operation(variations, lambda request: model_in_form(request) or DEFAULT_VARIER)
