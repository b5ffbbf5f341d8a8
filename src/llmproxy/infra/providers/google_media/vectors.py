"""Google's vectors into OpenAI's: as the numbers that came, or as base64 of 32-bit floats."""

import asyncio
import base64
import struct
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from llmproxy.domain.errors import Broken
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.gemini.usage import UsageMetadata, usage_of
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.translation import Translated
from llmproxy.infra.wire.unreadable import UNREADABLE

AT_ONCE = 16
"""Vectors that are turned into base64 before others get their turn on the event loop."""
UNREAD = "The provider's embeddings cannot be read."


class Vectors(NamedTuple):
    """Vectors as JSON arrays, and the tokens of what they stand for; None where none are told."""

    values: Sequence[msgspec.Raw]
    tokens: int | None


class _Statistics(msgspec.Struct, frozen=True):
    token_count: float | None = None


class _Embedded(msgspec.Struct):
    values: msgspec.Raw
    statistics: _Statistics = _Statistics()


class _Prediction(msgspec.Struct):
    embeddings: _Embedded


class _Predicted(msgspec.Struct):
    predictions: list[_Prediction]


class _Vector(msgspec.Struct):
    values: msgspec.Raw


class _Contents(msgspec.Struct, rename="camel"):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage_metadata: UsageMetadata | None = None


_predicted = msgspec.json.Decoder(_Predicted).decode
_contents = msgspec.json.Decoder(_Contents).decode
_floats = msgspec.json.Decoder(list[float]).decode
_encode = msgspec.json.Encoder().encode


def predicted(body: bytes, count: int) -> Vectors:
    """Read `count` vectors of a `:predict`. Raises Broken."""
    try:
        found = [each.embeddings for each in _predicted(body).predictions]
    except UNREADABLE as error:
        raise unreadable(UNREAD, body) from error
    tokens = [each.statistics.token_count for each in found]
    known = [int(each) for each in tokens if each is not None and each >= 0]
    total = sum(known) if len(known) == len(tokens) else None
    return _counted(Vectors([each.values for each in found], total), count)


def embedded_contents(body: bytes, count: int) -> Vectors:
    """Read `count` vectors of an `:embedContent` or `:batchEmbedContents`. Raises Broken."""
    try:
        read = _contents(body)
    except UNREADABLE as error:
        raise unreadable(UNREAD, body) from error
    found = [read.embedding] if read.embedding is not None else read.embeddings or []
    said = read.usage_metadata
    tokens = None if said is None else usage_of(said).total_input_tokens
    return _counted(Vectors([each.values for each in found], tokens), count)


async def embeddings_answer(parts: Sequence[Vectors], model: str, *, in_base64: bool) -> Translated:
    """Return OpenAI's list of embeddings, in the order of the parts."""
    values = [each for part in parts for each in part.values]
    shown: list[object] = []
    for number, each in enumerate(values):
        shown.append(_base64(each) if in_base64 else each)
        if in_base64 and number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
    answer: dict[str, object] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": each}
            for index, each in enumerate(shown)
        ],
        "model": model,
    }
    known = [part.tokens for part in parts if part.tokens is not None]
    if len(known) < len(parts):
        return Translated(_encode(answer), None)
    tokens = sum(known)
    answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Translated(_encode(answer), Usage(input_tokens=tokens))


def _base64(values: msgspec.Raw) -> str:
    try:
        numbers = _floats(values)
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except (*UNREADABLE, struct.error, OverflowError) as error:
        raise unreadable(UNREAD, bytes(values)) from error
    return base64.b64encode(packed).decode("ascii")


def _counted(vectors: Vectors, count: int) -> Vectors:
    if len(vectors.values) != count or not all(bytes(each)[:1] == b"[" for each in vectors.values):
        raise Broken(f"The provider gave {len(vectors.values)} vectors for {count} texts.")
    return vectors
