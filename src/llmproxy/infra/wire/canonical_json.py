"""One text for all texts of a JSON value that mean the same.

White space goes, fields of objects are sorted by their names, strings are written in one way.
Numbers keep their very text: 1E2 and 100.0 may differ to whoever reads them, and an integer of 30
digits is more than a float holds. What cannot be told for sure (a field that stands twice, a depth
beyond any request) keeps its own text: then it equals only what is written the same.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from llmproxy.infra.wire.json_object import JsonObject, NotAnObject, RepeatedField
from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_DEPTH: Final = 64
NOTHING: Final[frozenset[str]] = frozenset()
_encode = msgspec.json.Encoder().encode
_string = msgspec.json.Decoder(str).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read = msgspec.json.Decoder(float_hook=msgspec.Raw).decode
_sorted = msgspec.json.Encoder(order="sorted").encode
MAX_AT_ONCE: Final = 256 * 1024
"""Larger ones hold texts or images whose bytes are cheaper to look at than to copy."""
_LOOSE = re.compile(rb"[ \t\r\n\\{]")


def canonical_object(
    fields: Mapping[str, msgspec.Raw], without: AbstractSet[str] = NOTHING
) -> bytes:
    """Return the canonical text of an object whose top level has been read, `without` fields."""
    return _object(fields, without, MAX_DEPTH)


def canonical_body(body: JsonObject, without: AbstractSet[str] = NOTHING) -> bytes:
    """Return the canonical text of a whole object, `without` fields of its top level.

    Most are written as SDKs do, in the shortest way. Read and written again they are the same
    bytes, which proves that nothing was lost in between (a field that stands twice, digits of an
    integer), and sorting is all there is to do. It costs a third of going through the values.
    """
    raw = body.raw
    if len(raw) > MAX_AT_ONCE:
        return canonical_object(body.fields, without)
    try:
        read = _read(raw)
        if _encode(read) != raw:
            return canonical_object(body.fields, without)
        for name in read.keys() & without:
            del read[name]
        return _sorted(read)
    except UNREADABLE:
        return canonical_object(body.fields, without)


def canonical(text: bytes) -> bytes:
    """Return the canonical text of a value."""
    return _value(text, MAX_DEPTH)


def _object(fields: Mapping[str, msgspec.Raw], without: AbstractSet[str], depth: int) -> bytes:
    parts = [
        b"%b:%b" % (_encode(name), _value(bytes(fields[name]), depth))
        for name in sorted(fields)
        if name not in without
    ]
    return b"{%b}" % b",".join(parts)


def _value(text: bytes, depth: int) -> bytes:
    first = text[:1]
    if first == b'"':
        return _said(text) if b"\\" in text else text
    if first not in b"[{" or depth == 0:
        return text
    if first == b"[":
        return _array(text, depth)
    try:
        return _object(JsonObject(text).fields, NOTHING, depth - 1)
    except (RepeatedField, NotAnObject):
        return text


def _said(text: bytes) -> bytes:
    try:
        return _encode(_string(text))
    except UNREADABLE:
        return text  # half of a surrogate pair, which no string holds


def _array(text: bytes, depth: int) -> bytes:
    if not _LOOSE.search(text):
        return text  # the bulk: numbers and plain strings without any white space
    try:
        items = _items(text)
    except UNREADABLE:
        return text
    return b"[%b]" % b",".join([_value(bytes(item), depth - 1) for item in items])
