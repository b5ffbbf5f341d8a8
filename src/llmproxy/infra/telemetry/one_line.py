"""JSON texts in which nothing ends a line, whatever stands in their strings."""

import json
import re
from typing import Final

UNUSUAL: Final = re.compile(r"[^ -~]")


def contained(line: bytes) -> bytes:
    """Return a JSON text in which nothing ends a line or moves a terminal.

    JSON's own escapes leave U+2028, U+0085 and DEL as they are, at which some readers split.
    """
    if line.isascii() and b"\x7f" not in line:
        return line
    text = line.decode()
    return line if text.isprintable() else UNUSUAL.sub(_escaped, text).encode()


def in_ascii(line: bytes) -> str:
    """Return the same in ASCII, for files that may have another encoding than UTF-8."""
    return UNUSUAL.sub(lambda found: _json_escape(found[0]), line.decode())


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else _json_escape(found[0])


def _json_escape(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
