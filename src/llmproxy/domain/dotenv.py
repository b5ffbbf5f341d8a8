r"""Reading a file of variables, as `.env` is one.

A line is `NAME=value`, with `export ` before it or not. A value in quotes may hold line ends; in
double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are one character each, in single quotes
everything stands for itself. Without quotes a value ends at its line, or at a blank with a `#`.
Nothing is put in for `$NAME`.
"""

import re
from typing import Final

_BLANK: Final = re.compile(r"(?:[^\S\n]*(?:#[^\n]*)?(?:\n|\Z))")
_NAME: Final = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][A-Za-z0-9_.-]*)[^\S\n]*=[^\S\n]*")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE: Final = re.compile(r"'([^']*)'")
_PLAIN: Final = re.compile(r"[^\n]*")
_COMMENT: Final = re.compile(r"(?:^|[^\S\n])#.*")
_ESCAPE: Final = re.compile(r'\\([nrt"\\$])')
_MEANING: Final = {"n": "\n", "r": "\r", "t": "\t"}


class DotenvError(ValueError):
    """A line makes no sense; the message gives its number and nothing of what stands there."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(f"line {line} {fault}")


def parse_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a file. Raises DotenvError."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
            continue
        named = _NAME.match(text, at)
        if named is None:
            raise DotenvError(_line(text, at), "is not NAME=value")
        name = named[1]
        if name in found:
            raise DotenvError(_line(text, at), f"sets {name} a second time")
        found[name], at = _value(text, named.end())
    return found


def _value(text: str, at: int) -> tuple[str, int]:
    """Read the value that begins here: (the value, where the next line begins)."""
    if text[at : at + 1] == "#" and text[at - 1] != "=":
        return "", _rest_of_line(text, at)
    quote = text[at : at + 1]
    if quote not in ('"', "'"):
        plain = _PLAIN.match(text, at)
        written = plain[0] if plain else ""
        cut = _COMMENT.search(written, 1)
        value = written[: cut.start()] if cut else written
        return _without_nul(value.rstrip(), text, at), at + len(written) + 1
    quoted = (_DOUBLE if quote == '"' else _SINGLE).match(text, at)
    if quoted is None:
        raise DotenvError(_line(text, at), "opens a quote that is never closed")
    value = quoted[1]
    if quote == '"':
        value = _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[1]), value)
    return _without_nul(value, text, at), _rest_of_line(text, quoted.end())


def _rest_of_line(text: str, at: int) -> int:
    """Return where the next line begins; what is left of this one may only be a comment."""
    blank = _BLANK.match(text, at)
    if blank is None:
        raise DotenvError(_line(text, at), "goes on after the closing quote")
    return blank.end()


def _without_nul(value: str, text: str, at: int) -> str:
    if "\0" in value:
        raise DotenvError(_line(text, at), "holds a NUL, which no variable can")
    return value


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
