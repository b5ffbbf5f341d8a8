"""Desk: what an embeddings request must look like.

Bounds are those of OpenAI's API description (CreateEmbeddingRequest). A field that is null counts
as absent. Vectors hold no tokens: nothing but the input is reserved for.
"""

from collections.abc import Mapping

from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    json_object,
    missing,
    model_name,
    one_of,
    read_fields,
    whole,
)
from llmproxy.infra.controllers.openai.texts_or_tokens import count_inputs

CHECKS: Mapping[str, Check] = {
    "model": model_name,
    "encoding_format": one_of("float", "base64"),
    "dimensions": whole(1, None),
}


def embeddings_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
    values = read_fields(body, CHECKS)
    given = body.fields.get("input")
    if given is None or bytes(given) == b"null":
        raise missing("input")
    count_inputs("input", given)
    return Asked(body, values["model"], max_output_tokens=0)
