"""`POST /v1/embeddings`: vectors that depend on nothing but the input.

Rules and shapes: OpenAI's API description 2.3.0 (CreateEmbeddingRequest, CreateEmbeddingResponse).
"""

import base64
import hashlib
import struct
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.model import tokens_of
from tests.simulators.operations.operation import Asked, Operation
from tests.simulators.rules import decoded, unknown_parameter

PARAMETERS = frozenset(("model", "input", "encoding_format", "dimensions", "user"))
DIMENSIONS = 16
MAX_INPUTS = 2048


def embeddings(asked: Asked) -> Answer:
    """Answer with a vector per input."""
    body = decoded(asked.request.body)
    for name in body:
        if name not in PARAMETERS:
            raise unknown_parameter(name)
    inputs = _inputs(body.get("input"))
    wanted = body.get("encoding_format") or "float"
    if wanted not in {"float", "base64"}:
        raise RefusalError(
            400,
            f"Invalid value: '{wanted}'. Supported values are: 'float' and 'base64'.",
            param="encoding_format",
            code="invalid_value",
        )
    dimensions = body.get("dimensions") or DIMENSIONS
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(each, dimensions, wanted)}
        for index, each in enumerate(inputs)
    ]
    used = sum(len(tokens_of(each)) if isinstance(each, str) else len(each) for each in inputs)
    usage = {"prompt_tokens": used, "total_tokens": used}
    answer = {"object": "list", "data": data, "model": asked.model, "usage": usage}
    return json_answer(answer, headers=asked.headers(used), indent=2)


def _inputs(value: object) -> list[Any]:
    """The inputs as a list of texts or of lists of tokens."""
    if value is None:
        raise RefusalError(
            400,
            "Missing required parameter: 'input'.",
            param="input",
            code="missing_required_parameter",
        )
    tokens = isinstance(value, list) and bool(value) and isinstance(value[0], int)
    inputs = value if isinstance(value, list) and not tokens else [value]
    if not inputs or len(inputs) > MAX_INPUTS or any(each in ("", []) for each in inputs):
        raise RefusalError(400, "'$.input' is invalid. Please check the API reference.")
    return inputs


def _vector(value: object, dimensions: int, wanted: str) -> list[float] | str:
    digest = hashlib.shake_256(repr(value).encode()).digest(2 * dimensions)
    floats = [number / 32768 for number in struct.unpack(f"<{dimensions}h", digest)]
    if wanted == "float":
        return floats
    return base64.b64encode(struct.pack(f"<{dimensions}f", *floats)).decode()


EMBEDDINGS = Operation(embeddings)
