"""Embeddings: vectors of length 1 that depend on nothing but the text, so equal texts are equal."""

import base64
import hashlib
import math
import struct

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.inputs import inputs_of, whole_number
from llmproxy.infra.providers.echo.words import check_length, refused

DIMENSIONS = 128
MAX_DIMENSIONS = 4096
MAX_FLOATS = 262_144


def embeddings_answer(call: Call) -> tuple[dict[str, object], Usage]:
    """Return a vector per input, as floats or in base64."""
    inputs = inputs_of(call.body.value("input") or b"[]", "input")
    check_length("input", [each.text for each in inputs])
    dimensions = whole_number(call, "dimensions") or DIMENSIONS
    if dimensions > MAX_DIMENSIONS or dimensions * len(inputs) > MAX_FLOATS:
        problem = f"The echo model makes at most {MAX_DIMENSIONS} dimensions, {MAX_FLOATS} in all."
        raise refused(problem, "dimensions", "invalid_value")
    packed = call.body.value("encoding_format") == b'"base64"'
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(each.text, dimensions, packed)}
        for index, each in enumerate(inputs)
    ]
    tokens = sum(each.tokens for each in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    answer: dict[str, object] = {
        "object": "list",
        "data": data,
        "model": call.model,
        "usage": usage,
    }
    return answer, Usage(input_tokens=tokens)


def _vector(text: str, dimensions: int, packed: bool) -> list[float] | str:  # noqa: FBT001
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * dimensions)
    drawn = [number + 0.5 for number in struct.unpack(f"<{dimensions}h", digest)]
    length = math.sqrt(sum(number * number for number in drawn))
    # Rounded to what a 4-byte float holds, so that both encodings give the same numbers.
    floats = struct.pack(f"<{dimensions}f", *(number / length for number in drawn))
    if packed:
        return base64.b64encode(floats).decode("ascii")
    return list(struct.unpack(f"<{dimensions}f", floats))
