"""`POST /v1/moderations`: what holds the word `kill` is violent, whatever else is said.

Shapes: OpenAI's API description 2.3.0 (CreateModerationRequest, CreateModerationResponse).
"""

import hashlib
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.http import Request
from tests.simulators.operations.operation import Asked, Operation, model_in_json
from tests.simulators.rules import decoded, unknown_parameter

DEFAULT_MODEL = "omni-moderation-latest"
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def moderations(asked: Asked) -> Answer:
    """Answer with a verdict per text, or one for all parts together."""
    body = decoded(asked.request.body)
    for name in body:
        if name not in {"model", "input"}:
            raise unknown_parameter(name)
    texts = _texts(body.get("input"))
    digest = hashlib.sha256(asked.request.body).hexdigest()
    answer = {
        "id": f"modr-{digest[:29]}",
        "model": asked.model,
        "results": [_verdict(text) for text in texts],
    }
    return json_answer(answer, headers=asked.headers(None), indent=2)


def _texts(value: Any) -> list[str]:  # noqa: ANN401
    if value is None:
        raise RefusalError(
            400,
            "Missing required parameter: 'input'.",
            param="input",
            code="missing_required_parameter",
        )
    inputs = [value] if isinstance(value, str) else value
    if not isinstance(inputs, list) or not inputs:
        raise RefusalError(400, "'$.input' is invalid.", param="input", code="invalid_type")
    if all(isinstance(each, str) for each in inputs):
        return inputs
    known = all(
        isinstance(each, dict) and each.get("type") in {"text", "image_url"} for each in inputs
    )
    if not known:
        raise RefusalError(400, "'$.input' is invalid.", param="input", code="invalid_type")
    return [" ".join(each.get("text", "") for each in inputs)]


def _verdict(text: str) -> dict[str, Any]:
    struck = "kill" in text
    return {
        "flagged": struck,
        "categories": {name: struck and name == "violence" for name in CATEGORIES},
        "category_scores": {
            name: 0.9824 if struck and name == "violence" else 1.1e-06 for name in CATEGORIES
        },
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


def _model_of(request: Request) -> str | None:
    body = decoded(request.body)
    return DEFAULT_MODEL if "model" not in body else model_in_json(request)


MODERATIONS = Operation(moderations, _model_of)
