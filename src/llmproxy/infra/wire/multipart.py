"""`multipart/form-data` (RFC 7578), read as it arrives and kept as it was sent.

The bytes of a form stay where they are; what is read is an index of its parts, and the text of the
few fields that somebody asks for. Whatever two readers might understand differently (a name that
stands twice or with an escape, a bare line feed, bytes before the first boundary or behind the
last) is refused, since the provider reads the same bytes with a reader of its own.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

MAX_PARTS = 200
MAX_HEAD_BYTES = 8 * 1024
MAX_TEXT_BYTES = 1024 * 1024
"""All texts that are read, together."""
MAX_CONTENT_TYPE_BYTES = 500
OPENING_BYTES = 1024

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_KIND = re.compile(rb"multipart/form-data[ \t]*(?=;|$)", re.IGNORECASE)
_PARAMETER = re.compile(
    rb';[ \t]*(%b)=(?:"((?:[^"\\\r\n\0]|\\[^\r\n\0])*)"|(%b))[ \t]*' % (_TOKEN, _TOKEN)
)
_FIELD = re.compile(rb"(%b):[ \t]*([^\r\n\0]*)" % _TOKEN)
_DISPOSITION = re.compile(rb"form-data[ \t]*(?=;)", re.IGNORECASE)
_PLAIN_ENCODINGS = frozenset((b"7bit", b"8bit", b"binary"))


class Malformed(ValueError):
    """The bytes are no form; the message says why in words for the caller, `field` where."""

    def __init__(self, message: str, *, field: str | None = None, repeated: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.repeated = repeated


@dataclass(slots=True)
class Part:
    """One part; offsets are those of its value in the whole body.

    `length_at` is where the value of its own content-length stands, which some clients send.
    """

    name: str
    is_file: bool
    start: int
    end: int = 0
    length_at: tuple[int, int] | None = None


@dataclass(slots=True)
class Form:
    """A whole form: its parts in order, the texts that were asked for, and where its end begins.

    `opening` is how the first file begins.
    """

    boundary: bytes
    parts: list[Part] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    end_at: int = 0
    opening: bytes = b""

    def files(self, *names: str) -> list[Part]:
        """Return the files of these fields."""
        return [part for part in self.parts if part.is_file and part.name in names]

    def text_part(self, name: str) -> Part | None:
        """Return the part that holds a text."""
        return next((p for p in self.parts if p.name == name and not p.is_file), None)


def boundary_of(content_type: bytes) -> bytes:
    """Return the boundary that a content type names. Raises Malformed."""
    kind = _KIND.match(content_type)
    if kind is None or len(content_type) > MAX_CONTENT_TYPE_BYTES:
        raise Malformed("the content type is not multipart/form-data")
    boundaries = [
        value for name, value in _parameters(content_type, kind.end()) if name == b"boundary"
    ]
    if len(boundaries) != 1 or not _BOUNDARY.fullmatch(boundaries[0]):
        raise Malformed("the content type does not name one boundary of 1 to 70 characters")
    return boundaries[0]


def _parameters(value: bytes, at: int) -> list[tuple[bytes, bytes]]:
    """Return the parameters of a header with their values, escapes and all. Raises Malformed."""
    found = []
    while at < len(value):
        matched = _PARAMETER.match(value, at)
        if matched is None:
            raise Malformed("a header's parameters cannot be read")
        name, quoted, token = matched.groups()
        found.append((name.lower(), token if quoted is None else quoted))
        at = matched.end()
    return found


class FormReader:
    """Feed it a body piece by piece, then ask for the `form`. `wanted` are names of texts."""

    def __init__(self, boundary: bytes, wanted: Collection[str]) -> None:
        self._form = Form(boundary)
        self._wanted = wanted
        self._delimiter = b"\r\n--" + boundary
        self._rest = b""
        self._at = 0
        # The functions and not methods of this one, which would hold it.
        self._state: Callable[[FormReader, bytes, int], int] = FormReader._begin
        self._part = Part("", is_file=False, start=0)
        self._texts: dict[str, list[bytes]] = {}
        self._text: list[bytes] | None = None
        self._text_bytes = 0
        self._opening = bytearray()
        self._opens = False

    def feed(self, data: bytes) -> None:
        """Read on. Raises Malformed."""
        if self._rest:
            data = self._joined(data)
        at = 0
        state = None
        while state is not self._state or at < len(data):
            state = self._state
            moved = state(self, data, at)
            if moved == at and state is self._state:
                break
            at = moved
        self._rest = data[at:]
        self._at += at

    def _joined(self, data: bytes) -> bytes:
        """Put what was left over before the next piece, without copying the bulk of a file."""
        rest = self._rest
        if self._state is FormReader._value:
            near = rest + data[: len(self._delimiter)]
            if len(near) > len(rest) + len(self._delimiter) - 1 and self._delimiter not in near:
                self._take(rest, 0, len(rest))
                self._at += len(rest)
                return data
        return rest + data

    @property
    def form(self) -> Form:
        """The whole form. Raises Malformed when its end has not come."""
        if self._state is not FormReader._trail or self._rest:
            raise Malformed("the form ends before its closing boundary")
        for name, pieces in self._texts.items():
            try:
                self._form.texts[name] = b"".join(pieces).decode("utf-8")
            except UnicodeDecodeError as error:
                raise Malformed("the value is not UTF-8", field=name) from error
        self._form.opening = bytes(self._opening)
        return self._form

    def _begin(self, data: bytes, at: int) -> int:
        """Find the first boundary, which opens the body, at most behind an empty line."""
        wanted = self._delimiter if data.startswith(b"\r") else self._delimiter[2:]
        if data[: len(wanted)] != wanted[: len(data)]:
            raise Malformed("the body does not begin with the boundary of its content type")
        if len(data) < len(wanted):
            return at
        self._state = FormReader._behind
        return len(wanted)

    def _behind(self, data: bytes, at: int) -> int:
        """Find a line end behind a boundary, or the two hyphens that end the form."""
        mark = data[at : at + 2]
        if len(mark) < 2:
            return at
        if mark == b"--":
            self._form.end_at = self._at + at - len(self._delimiter) + 2
            self._state = FormReader._trail
        elif mark == b"\r\n":
            self._state = FormReader._head
        else:
            raise Malformed("a boundary is followed by something else than a line end")
        return at + 2

    def _head(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n\r\n", at, at + MAX_HEAD_BYTES + 4)
        if end < 0:
            if len(data) - at > MAX_HEAD_BYTES:
                raise Malformed(f"the headers of a part are larger than {MAX_HEAD_BYTES} bytes")
            return at
        if len(self._form.parts) == MAX_PARTS:
            raise Malformed(f"the form has more than {MAX_PARTS} parts")
        self._part = part = _part(data[at:end], self._at + at, self._at + end + 4)
        self._form.parts.append(part)
        self._opens = part.is_file and not self._opening
        self._text = None
        if part.name in self._wanted:
            if part.is_file:
                raise Malformed("expected a text, but got a file instead", field=part.name)
            if part.name in self._texts:
                raise Malformed("it stands more than once", field=part.name, repeated=True)
            self._text = self._texts[part.name] = []
        self._state = FormReader._value
        return end + 4

    def _value(self, data: bytes, at: int) -> int:
        end = data.find(self._delimiter, at)
        if end >= 0:
            self._take(data, at, end)
            self._part.end = self._at + end
            self._state = FormReader._behind
            return end + len(self._delimiter)
        end = max(at, len(data) - len(self._delimiter) + 1)
        self._take(data, at, end)
        return end

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._opens and len(self._opening) < OPENING_BYTES:
            self._opening += data[start : min(end, start + OPENING_BYTES)]
        if self._text is not None:
            self._text_bytes += end - start
            if self._text_bytes > MAX_TEXT_BYTES:
                problem = f"the texts of the form are larger than {MAX_TEXT_BYTES} bytes"
                raise Malformed(problem, field=self._part.name)
            self._text.append(data[start:end])

    def _trail(self, data: bytes, at: int) -> int:
        """Find nothing but one line end behind the form."""
        if self._at + at - self._form.end_at > len(self._delimiter):
            raise Malformed("something follows the closing boundary")
        if data[at : at + 2] != b"\r\n"[: len(data) - at]:
            raise Malformed("something follows the closing boundary")
        return at if len(data) - at < 2 else at + 2


def _part(head: bytes, head_at: int, start: int) -> Part:
    """Read the headers of a part. Raises Malformed."""
    seen: dict[bytes, tuple[bytes, int]] = {}
    for line in head.split(b"\r\n"):
        matched = _FIELD.fullmatch(line)
        if matched is None:
            raise Malformed("a header of a part cannot be read")
        name = matched[1].lower()
        if name in seen:
            raise Malformed("a header of a part stands more than once")
        seen[name] = (matched[2].rstrip(b" \t"), head_at + matched.start(2))
        head_at += len(line) + 2
    encoding, _ = seen.get(b"content-transfer-encoding", (b"binary", 0))
    if encoding.lower() not in _PLAIN_ENCODINGS:
        raise Malformed("a part has a content-transfer-encoding, which forms do not use")
    disposition, _ = seen.get(b"content-disposition", (b"", 0))
    field_name, is_file = _named(disposition)
    part = Part(field_name, is_file, start)
    if b"content-length" in seen:
        value, value_at = seen[b"content-length"]
        part.length_at = (value_at, value_at + len(value))
    return part


def _named(disposition: bytes) -> tuple[str, bool]:
    """Return the field's name, and whether it holds a file."""
    kind = _DISPOSITION.match(disposition)
    if kind is None:
        raise Malformed("a part has no `content-disposition: form-data` with a name")
    parameters = _parameters(disposition, kind.end())
    names = [name for name, _ in parameters]
    if names.count(b"name") != 1 or len(set(names)) != len(names) or b"name*" in names:
        raise Malformed("a part does not have exactly one name")
    name = dict(parameters)[b"name"]
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("the name of a part is not UTF-8") from error
    if "\\" in text:
        raise Malformed("the name of a part holds a backslash")
    return text, b"filename" in names or b"filename*" in names
