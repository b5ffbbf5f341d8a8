"""A JSON object whose top level is read once and whose values keep their very bytes.

A full decode and encode would turn 30-digit integers into floats and 1E2 into 100.0; here only the
fields that somebody asks for are decoded, and a rewritten object is put together from the raw
texts.
"""

import re
from collections.abc import Collection, Mapping

import msgspec

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_name = msgspec.json.Decoder(str).decode
_encoder = msgspec.json.Encoder()
_NAME = re.compile(rb'[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+')
_BEHIND = re.compile(rb"[ \t\r\n]*+[,}]")
MAX_FIELDS = 10_000
TOO_DEEP = "it is nested too deeply"


class NotAnObject(ValueError):
    """The bytes are not one JSON object.

    The message says what is wrong, in words for the caller.
    """


class RepeatedField(ValueError):
    """A top-level field stands twice; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class JsonObject:
    """`raw` is what was received, `fields` its top level: name to JSON text."""

    __slots__ = ("fields", "raw")

    def __init__(self, raw: bytes) -> None:
        """Read the top level. Raises NotAnObject or RepeatedField."""
        try:
            if not raw.isascii():
                raw.decode("utf-8")
            fields = _fields.decode(raw)
        except UnicodeDecodeError as error:
            raise NotAnObject(f"invalid UTF-8 at byte {error.start}") from error
        except msgspec.ValidationError as error:
            raise NotAnObject("the top level is not an object") from error
        except msgspec.DecodeError as error:
            raise NotAnObject(str(error)) from error
        except RecursionError as error:
            raise NotAnObject(TOO_DEEP) from error
        if len(fields) > MAX_FIELDS:
            raise NotAnObject(f"it has more than {MAX_FIELDS} fields")
        size = 1 + 4 * len(fields) + sum(map(len, fields)) + sum(map(len, fields.values()))
        if size != len(raw):
            _refuse_repeated(raw, fields)
        self.raw = raw
        self.fields = fields

    def value(self, field: str) -> bytes | None:
        """Return the JSON text of a field, None when it is absent."""
        text = self.fields.get(field)
        return None if text is None else bytes(text)

    def rewritten(self, changes: Mapping[str, bytes], without: Collection[str] = ()) -> bytes:
        """Return the object with these fields set, and `without` some others.

        Without changes the very bytes received.
        """
        if not changes and not without:
            return self.raw
        fields = self.fields.copy()
        for field in without:
            fields.pop(field, None)
        for field, text in changes.items():
            fields[field] = msgspec.Raw(text)
        return _encoder.encode(fields)


def _refuse_repeated(raw: bytes, fields: Mapping[str, msgspec.Raw]) -> None:
    """Look for a field that stands twice.

    Only reached when the text is longer than its fields written without white space: a repeated
    field always is. Walks from name to name of what has been read as an object before; a value that
    is not the one which was kept shows that its name comes again.
    """
    at = raw.index(b"{") + 1
    seen: set[str] = set()
    while len(seen) < len(fields):
        found = _NAME.match(raw, at)
        if found is None:
            raise NotAnObject("a field has no name")
        name: str = _name(found[1])
        text = bytes(fields[name])
        end = found.end() + len(text)
        behind = _BEHIND.match(raw, end)
        if name in seen or behind is None or not raw.startswith(text, found.end()):
            raise RepeatedField(name)
        seen.add(name)
        at = behind.end()
    found = _NAME.match(raw, at)
    if found is not None:
        raise RepeatedField(_name(found[1]))
