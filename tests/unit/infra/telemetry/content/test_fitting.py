"""What does not fit is cut, and stays JSON."""

import json
from typing import Any

from llmproxy.infra.telemetry.content.fitting import CUT, fitted


def said(*texts: str) -> list[dict[str, Any]]:
    """Messages of these texts."""
    return [{"role": "user", "parts": [{"type": "text", "content": each}]} for each in texts]


def texts(attribute: str) -> list[str]:
    """The texts of messages."""
    return [part["content"] for each in json.loads(attribute) for part in each["parts"]]


def test_what_fits() -> None:
    """It is told as it is, in UTF-8."""
    attribute, cut = fitted(said("São Paulo"), 1024)
    assert "São Paulo" in attribute
    assert (texts(attribute), cut) == (["São Paulo"], False)


def test_long_texts_are_cut_first() -> None:
    """Short ones stay whole; bytes are counted, not characters."""
    attribute, cut = fitted(said("Be brief.", "é" * 5000, '"' * 5000), 2048)
    assert cut
    assert len(attribute.encode()) <= 2048
    short, accents, quotes = texts(attribute)
    assert short == "Be brief."
    assert accents.startswith("ééé")
    assert accents.endswith(CUT)
    assert quotes.endswith(CUT)


def test_many_messages() -> None:
    """The oldest go when all of them are short."""
    attribute, cut = fitted(said(*(f"message {number}" for number in range(1000))), 4096)
    assert cut
    assert len(attribute.encode()) <= 4096
    left = texts(attribute)
    assert left[-1] == "message 999"
    assert len(left) > 10


def test_what_cannot_be_cut() -> None:
    """A message of too many parts leaves nothing, and that is JSON too."""
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": {"list": [1] * 5000}}
    assert fitted([{"role": "assistant", "parts": [call]}], 1024) == ("[]", True)
