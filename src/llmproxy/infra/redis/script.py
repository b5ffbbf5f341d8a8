"""Scripts that run inside Redis, each as a whole: nothing else happens in between."""

import hashlib


class Script:
    """A Lua script and its name in Redis, the SHA-1 of its text."""

    __slots__ = ("call", "name", "text")

    def __init__(self, text: str) -> None:
        self.text = text.encode("utf-8")
        self.name = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode("ascii")
        self.call = b"$7\r\nEVALSHA\r\n$%d\r\n%b\r\n" % (len(self.name), self.name)
        """How a command begins that runs it: two parts, as they go over the wire."""
