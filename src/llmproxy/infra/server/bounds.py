"""Whether a head that is complete passes the bounds."""

from typing import ClassVar, Protocol

LINE_BYTES = 4
"""Of each header line: a colon, a blank, and the line's end."""


class Head(Protocol):
    """A head that was read.

    `first_bytes` is the size of the piece in which it began, `head_bytes` that of all pieces behind
    it: together they are at least as many as it has.
    """

    first_bytes: int
    head_bytes: int
    headers: list[tuple[bytes, bytes]]
    max_head_bytes: ClassVar[int]
    max_header_lines: ClassVar[int]
    url: bytes


def too_large(head: Head) -> bool:
    """Whether it passes a bound: its bytes are only counted where they may be too many."""
    most = head.max_head_bytes
    if len(head.headers) > head.max_header_lines or len(head.url) > most:
        return True
    if head.first_bytes + head.head_bytes <= most:
        return False
    lines = sum(len(name) + len(value) + LINE_BYTES for name, value in head.headers)
    return len(head.url) + lines > most
