"""What a model signs of its reasoning, and wants back unchanged with the next request.

Chat carries it in fields that OpenAI has no word for (`thinking_blocks` of a message). A response
carries it where OpenAI has a place for such a thing: in `encrypted_content` of a reasoning item,
which every client sends back as it is (openai-python 3.57.0 `types/responses/
response_reasoning_item.py`). It is JSON in base64: nothing in it is secret from the client.
"""

import base64
import binascii
from typing import Any

import msgspec

from llmproxy.infra.wire.unreadable import UNREADABLE

JsonDict = dict[str, Any]
VERSION = 1


class Signed(msgspec.Struct, omit_defaults=True):
    """What one reasoning item holds. `model` is the code of the model that reasoned.

    `calls` are signatures of tool calls behind it, by their ids; `extra_content` is the message's.
    """

    llmproxy: int
    model: str
    thinking_blocks: list[JsonDict] = []
    calls: dict[str, JsonDict] = {}
    extra_content: JsonDict | None = None


_encode = msgspec.json.Encoder().encode
_signed = msgspec.json.Decoder(Signed)


def sealed(signed: Signed) -> str | None:
    """Return the `encrypted_content`, None when nothing is signed."""
    if not (signed.thinking_blocks or signed.calls or signed.extra_content):
        return None
    return base64.b64encode(_encode(signed)).decode("ascii")


def opened(text: str) -> Signed | None:
    """Return what `sealed` was given, None for what another provider wrote."""
    try:
        signed = _signed.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, *UNREADABLE):
        return None
    return signed if signed.llmproxy == VERSION else None


class ThinkingBlocks:
    """Blocks put together: whole ones, and such as come piece by piece until they are signed."""

    def __init__(self) -> None:
        self.blocks: list[JsonDict] = []
        self._open = False

    def add(self, pieces: list[JsonDict]) -> None:
        """Take what a message or one chunk says."""
        for numbered in pieces:
            piece = {name: value for name, value in numbered.items() if name != "index"}
            thinking = piece.get("type") == "thinking"
            if thinking and self._open:
                last = self.blocks[-1]
                joined = f"{last.get('thinking') or ''}{piece.get('thinking') or ''}"
                last |= {name: value for name, value in piece.items() if value}
                last["thinking"] = joined
            else:
                self.blocks.append(piece)
            self._open = thinking and not piece.get("signature")
