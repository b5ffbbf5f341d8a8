"""Desk: what a moderation request must look like (CreateModerationRequest).

The model may be left out. What stands in the array of inputs is for the provider to judge: texts,
or objects that hold a text or an image. Verdicts hold no tokens.
"""

from collections.abc import Mapping

from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    empty_array,
    json_object,
    missing,
    model_name,
    read_optional,
    wrong_type,
)

CHECKS: Mapping[str, Check] = {"model": model_name}
_KINDS: Mapping[bytes, object] = {b"{": {}, b"t": True, b"f": False}


def moderation_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
    values = read_optional(body, CHECKS)
    given = body.fields.get("input")
    if given is None or bytes(given) == b"null":
        raise missing("input")
    text = bytes(given)
    if text[:1] not in {b'"', b"["}:
        raise wrong_type("input", "a string or an array", _KINDS.get(text[:1], 0))
    if text[:1] == b"[" and not text[1:-1].strip():
        raise empty_array("input")
    return Asked(body, values.get("model") or "", max_output_tokens=0)
