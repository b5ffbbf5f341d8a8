"""JSON texts taken apart and put together without reading their values."""

import json
import re
from collections.abc import Mapping

_WHITE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
Fields = list[tuple[str, bytes]]


def top_level(raw: bytes) -> Fields:
    """The fields of an object in their order: name, and the very bytes of the value."""
    text = raw.decode("utf-8")
    fields: Fields = []
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _decode(text, at)
        start = _skip(text, _skip(text, end) + 1)
        _, end = _decode(text, start)
        fields.append((name, text[start:end].encode("utf-8")))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return fields


def _skip(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return at if found is None else found.end()


def changed(raw: bytes, changes: Mapping[str, bytes]) -> Fields:
    """The fields with some of them set: in their places, new ones at the end."""
    fields = top_level(raw)
    names = {name for name, _ in fields}
    kept = [(name, changes.get(name, value)) for name, value in fields]
    return [*kept, *((name, value) for name, value in changes.items() if name not in names)]


def written(fields: Fields) -> bytes:
    """An object without white space between its fields."""
    texts = [json.dumps(name, ensure_ascii=False).encode() + b":" + value for name, value in fields]
    return b"{" + b",".join(texts) + b"}"
