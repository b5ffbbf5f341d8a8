"""How many tokens a request has, and how many of them the prompt cache knew.

A token is a word (`model.tokens_of`); a message costs 3 more and a request 3, as in
`model.complete`, so that a plain conversation costs the same on every wire. The cache holds what
stands before a mark, in the order tools, system, messages; it holds short prompts too, unlike the
vendor, who wants 1024 tokens or more.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.simulators.anthropic_wire.turns import blocks_of
from tests.simulators.model import tokens_of

Body = dict[str, Any]

_PER_MESSAGE = 3
_PER_REQUEST = 3
_PER_IMAGE = 100
_PER_DOCUMENT = 300


@dataclass(frozen=True, slots=True)
class InputTokens:
    """Input tokens by what they cost; the whole input is the sum."""

    fresh: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def written(self) -> int:
        """All that went into the cache."""
        return self.written_5m + self.written_1h


class PromptCache:
    """The prefixes that were marked in earlier requests, each model's for itself."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def spend(self, body: Body, model: str) -> InputTokens:
        """The tokens of this request; what it marks is known from now on."""
        pieces = list(_pieces(body))
        total = sum(piece.tokens for piece in pieces) + _PER_REQUEST
        if not any(piece.ttl for piece in pieces):
            return InputTokens(total)
        seen = hashlib.sha256(model.encode())
        read = so_far = held = 0
        written = {"5m": 0, "1h": 0}
        marked: list[str] = []
        for piece in pieces:
            seen.update(piece.source)
            so_far += piece.tokens
            if seen.hexdigest() in self._known:
                read = held = so_far
                written = {"5m": 0, "1h": 0}
            if piece.ttl:
                marked.append(seen.hexdigest())
                written[piece.ttl] += so_far - held
                held = so_far
        self._known.update(marked)
        return InputTokens(total - held, read, written["5m"], written["1h"])


def count(body: Body) -> int:
    """All input tokens of a body."""
    return sum(piece.tokens for piece in _pieces(body)) + _PER_REQUEST


@dataclass(frozen=True, slots=True)
class _Piece:
    source: bytes
    tokens: int
    ttl: str | None = None  # of the mark it carries


def _pieces(body: Body) -> Iterator[_Piece]:
    """What the model reads, in its order; the top-level mark goes to the last piece."""
    pieces = [_piece(tool, len(tokens_of(json.dumps(tool)))) for tool in body.get("tools") or []]
    pieces.extend(_content(body.get("system") or []))
    for message in body["messages"]:
        pieces.extend(_content(message["content"]))
    if body.get("cache_control") and pieces:
        last = pieces.pop()
        pieces.append(_Piece(last.source, last.tokens, _ttl(body)))
    yield from pieces


def _content(content: str | list[Body]) -> Iterator[_Piece]:
    for number, block in enumerate(blocks_of(content)):
        yield _piece(block, _tokens(block) + (0 if number else _PER_MESSAGE))


def _piece(part: Body, tokens: int) -> _Piece:
    plain = {name: value for name, value in part.items() if name != "cache_control"}
    return _Piece(json.dumps(plain, sort_keys=True).encode(), tokens, _ttl(part))


def _ttl(part: Body) -> str | None:
    mark = part.get("cache_control")
    return str(mark.get("ttl", "5m")) if mark else None


def _tokens(block: Body) -> int:
    kind = block["type"]
    if kind == "image":
        return _PER_IMAGE
    if kind == "document":
        source = block["source"]
        return len(tokens_of(source["data"])) if source["type"] == "text" else _PER_DOCUMENT
    if kind == "tool_use":
        return len(tokens_of(json.dumps(block["input"])))
    if kind == "tool_result":
        return sum(_tokens(inner) for inner in blocks_of(block.get("content") or []))
    return len(tokens_of(block.get("text") or block.get("thinking") or ""))
