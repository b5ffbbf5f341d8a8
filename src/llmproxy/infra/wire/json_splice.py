"""Values of a JSON object exchanged in place: every other byte stays, white space and all."""

import re
from collections.abc import Mapping

import msgspec

from llmproxy.infra.wire.unreadable import UNREADABLE

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_name = msgspec.json.Decoder(str).decode
_START = re.compile(rb"[ \t\r\n]*+\{")
_NAME = re.compile(rb'[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+')
_BEHIND = re.compile(rb"[ \t\r\n]*+[,}]")


def raw_fields(text: bytes) -> dict[str, msgspec.Raw] | None:
    """Return the top level of an object, None when this is none."""
    try:
        return _fields.decode(text)
    except UNREADABLE:
        return None


def spliced(text: bytes, fields: Mapping[str, msgspec.Raw], changes: Mapping[str, bytes]) -> bytes:
    """Return the object with these of its `fields` set to other JSON texts, each where it stands.

    Raises ValueError for an object in which a field stands twice: which one counts is not known.
    """
    if not changes:
        return text
    start = _START.match(text)
    at = 0 if start is None else start.end()
    kept = 0
    parts: list[bytes] = []
    for _ in fields:
        found = _NAME.match(text, at)
        if found is None:
            raise ValueError("a field has no name")
        name = _name(found[1])
        value = bytes(fields[name])
        begin, end = found.end(), found.end() + len(value)
        behind = _BEHIND.match(text, end)
        if behind is None or not text.startswith(value, begin):
            raise ValueError(f"the field {name[:100]!r} stands twice")
        if name in changes:
            parts += (text[kept:begin], changes[name])
            kept = end
        at = behind.end()
    if _NAME.match(text, at) is not None:
        raise ValueError("a field stands twice")
    return b"".join((*parts, text[kept:]))
