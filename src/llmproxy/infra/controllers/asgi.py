"""The words of ASGI, as far as the data plane speaks them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Headers = list[bytes]
"""Header lines, `name: value` without the line's end."""
Pair = tuple[bytes, bytes]
"""A header as ASGI has it: its name, in small letters, and its value."""


def pair(line: bytes) -> Pair:
    """Return a header line that was written here as ASGI has it."""
    name, _, value = line.partition(b": ")
    return name, value


def start(status: int, lines: Headers) -> Message:
    """Return the message with the head of an answer."""
    pairs = [line.split(b":", 1) for line in lines]
    headers = [(name.lower(), value.strip()) for name, value in pairs]
    return {"type": "http.response.start", "status": status, "headers": headers}
