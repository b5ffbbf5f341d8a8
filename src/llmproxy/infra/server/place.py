"""Where a request's target points: its path and its query."""

from functools import lru_cache
from urllib.parse import unquote

import httptools

SHORT_URL_BYTES = 128


def place(url: bytes) -> tuple[str, bytes, bytes]:
    """Return path, raw path and query of a request's target. Raises HttpParserInvalidURLError."""
    return _remembered(url) if len(url) < SHORT_URL_BYTES else _read(url)


def _read(url: bytes) -> tuple[str, bytes, bytes]:
    parsed = httptools.parse_url(url)
    raw_path = parsed.path or b"/"
    path = raw_path.decode("ascii", "surrogateescape")
    return unquote(path) if "%" in path else path, raw_path, parsed.query or b""


_remembered = lru_cache(maxsize=256)(_read)
