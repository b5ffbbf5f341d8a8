"""What OpenTelemetry's conventions for generative AI require of messages on spans.

By hand after docs/gen-ai/gen-ai-input-messages.json, gen-ai-output-messages.json and
gen-ai-system-instructions.json of https://github.com/open-telemetry/semantic-conventions-genai, and
stricter: a part of a type that they know must have what that type requires, though they would let
it pass as one of any type.
"""

import json
from typing import Any

MODALITIES = {"image", "video", "audio", "document"}
REQUIRED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str, "id": (str, type(None))},
    "tool_call_response": {"id": (str, type(None)), "response": object},
    "server_tool_call": {"name": str, "server_tool_call": dict, "id": (str, type(None))},
    "blob": {"modality": str, "content": str, "mime_type": (str, type(None))},
    "uri": {"modality": str, "uri": str},
    "file": {"modality": str, "file_id": str},
}


def read(attribute: Any, *, answered: bool = False) -> list[dict[str, Any]]:  # noqa: ANN401
    """The messages of an attribute. Raises AssertionError for what is none by the conventions."""
    assert isinstance(attribute, str)
    messages: list[dict[str, Any]] = json.loads(attribute)
    assert isinstance(messages, list)
    for message in messages:
        assert isinstance(message["role"], str)
        assert isinstance(message.get("name", ""), str)
        assert isinstance(message["parts"], list)
        assert isinstance(message.get("finish_reason", ""), str)
        assert ("finish_reason" in message) == answered
        for part in message["parts"]:
            check(part)
    return messages


def read_parts(attribute: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The parts of system instructions."""
    assert isinstance(attribute, str)
    parts: list[dict[str, Any]] = json.loads(attribute)
    for part in parts:
        check(part)
    return parts


def check(part: dict[str, Any]) -> None:
    """Raises AssertionError for a part that has not what its type requires."""
    assert isinstance(part["type"], str)
    for name, kinds in REQUIRED.get(part["type"], {}).items():
        assert isinstance(part[name], kinds), (name, part)
    assert part.get("modality", "image") in MODALITIES
    if "server_tool_call" in part:
        assert isinstance(part["server_tool_call"]["type"], str)
