"""JSON as people write it: comments, arrays, and several objects after one another.

Comments (`// …` and `/* … */`) are blanked out in place, so every line number stays true. What JSON
itself leaves open is refused here: keys that stand twice, NaN, numbers beyond a float, lone
surrogates. Nothing else is bent: trailing commas, single quotes and bare words are errors.
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Iterator
from math import isfinite
from typing import Final, NamedTuple, NoReturn

DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024
DEFAULT_MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 300

_TOKEN: Final = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<open>[{\[])|(?P<close>[}\]])|(?P<broken>"|/\*|NaN|-?Infinity)',
    re.DOTALL,
)
_BROKEN: Final = {
    '"': "a string is not closed on its line",
    "/*": "a comment is not closed",
    "NaN": "NaN is not JSON",
    "Infinity": "Infinity is not JSON",
    "-Infinity": "Infinity is not JSON",
}
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_KEY: Final = re.compile(r"[ \t\r\n]*:")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_NEWLINE: Final = re.compile(r"[^\n]")


class JsoncError(ValueError):
    """The text cannot be read; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Located(NamedTuple):
    """A value and the line on which it begins, counted from 1."""

    value: object
    line: int


def read_documents(
    data: bytes | str,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> Iterator[Located]:
    """Yield every value of the text; a top-level array yields its entries.

    Raises:
        JsoncError: at the first fault, after the values before it have been yielded.

    """
    return _Reader(_decoded(data, max_bytes), max_depth).documents()


def _decoded(data: bytes | str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise JsoncError(f"more than {max_bytes:,} bytes", 1)
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsoncError("not UTF-8", data.count(b"\n", 0, error.start) + 1) from None


class _Reader:
    def __init__(self, text: str, max_depth: int) -> None:
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._text = text
        self._text = self._blanked(max_depth)
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=_float, parse_int=_int
        )

    def documents(self) -> Generator[Located, None, None]:
        position = self._skip_blanks(0)
        while position < len(self._text):
            if self._text[position] == "[":
                position = yield from self._entries(position + 1)
            else:
                value, position = self._value(position)
                yield value
            position = self._skip_blanks(position)

    def _entries(self, position: int) -> Generator[Located, None, int]:
        """Yield the entries of an array whose bracket stands before `position`; return its end."""
        position = self._skip_blanks(position)
        if self._text.startswith("]", position):
            return position + 1
        while True:
            value, position = self._value(position)
            yield value
            position = self._skip_blanks(position)
            if self._text.startswith("]", position):
                return position + 1
            if not self._text.startswith(",", position):
                self._fail(position, "expected , or ] after an entry of the array")
            position = self._skip_blanks(position + 1)

    def _value(self, position: int) -> tuple[Located, int]:
        line = self._line(position)
        try:
            value, end = self._decoder.raw_decode(self._text, position)
        except json.JSONDecodeError as error:
            self._fail(error.pos, error.msg[:1].lower() + error.msg[1:])
        except _KeyTwiceError as error:
            raise JsoncError(str(error), self._line_of_key_twice(position)) from None
        except ValueError as error:
            raise JsoncError(f"in the value that begins here: {error}", line) from None
        if _has_lone_surrogate(value):
            raise JsoncError("in the value that begins here: half a surrogate pair", line)
        return Located(value, line), end

    def _blanked(self, max_depth: int) -> str:
        """Replace comments by blanks; refuse what the decoder would take or choke on."""
        pieces: list[str] = []
        end = depth = 0
        for token in _TOKEN.finditer(self._text):
            kind = token.lastgroup
            if kind == "broken":
                self._fail(token.start(), _BROKEN[token[0]])
            elif kind == "comment":
                pieces += (self._text[end : token.start()], _NOT_NEWLINE.sub(" ", token[0]))
                end = token.end()
            else:
                depth += (kind == "open") - (kind == "close")
            if depth > max_depth:
                self._fail(token.start(), f"nested deeper than {max_depth}")
        return "".join((*pieces, self._text[end:]))

    def _line_of_key_twice(self, position: int) -> int:
        seen: list[set[str]] = []
        for token in _TOKEN.finditer(self._text, position):
            if token.lastgroup == "open":
                seen.append(set())
            elif token.lastgroup == "close":
                seen.pop()
            elif _KEY.match(self._text, token.end()):
                key = json.loads(token[0])
                if key in seen[-1]:
                    return self._line(token.start())
                seen[-1].add(key)
        return self._line(position)

    def _skip_blanks(self, position: int) -> int:
        match = _BLANKS.match(self._text, position)
        return match.end() if match else position

    def _line(self, position: int) -> int:
        return bisect_left(self._newlines, position) + 1

    def _fail(self, position: int, message: str) -> NoReturn:
        raise JsoncError(message, self._line(position))


class _KeyTwiceError(ValueError):
    pass


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise _KeyTwiceError(f"the key {json.dumps(twice)} stands twice in one object")
    return found


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("a number is too large")
    return number


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


def _has_lone_surrogate(value: object) -> bool:
    return bool(_LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False)))
