"""Bytes spoiled by chance, the same in every run: what nobody thought of."""

import random

_PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\xff", b"{", b"}", b"[", b'"', b"-",
    b"HTTP/1.0", b"0\r\n\r\n", b"ffff\r\n", b"\\u0000", b"\\ud800", b"1e999", b"9" * 30,
    b"chunked", b"transfer-encoding: chunked\r\n", b"content-length: 5\r\n", b"HEAD ",
    b"connection: close\r\n", b"connection: upgrade\r\nupgrade: h2c\r\n", b'"stream":true,',
    b"expect: 100-continue\r\n", b"data: [DONE]\n\n", b'"n":129,', b'"error":', b'"usage":{',
    b"GET / HTTP/1.1\r\n\r\n",
)  # fmt: skip
_KINDS = ("delete", "insert", "replace", "repeat", "noise", "cut")


class Spoiler:
    """Changes some bytes at some places."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def spoil(self, data: bytes) -> bytes:
        """The bytes with one to six changes."""
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            data = self._changed(data)
        return data

    def _changed(self, data: bytes) -> bytes:
        chance = self._random
        at = chance.randrange(len(data) + 1)
        kind = chance.choice(_KINDS)
        if kind == "delete":
            return data[:at] + data[at + chance.choice((1, 1, 2, 5, 20)) :]
        if kind == "cut" and chance.random() < 0.3:
            return data[:at]
        if kind == "repeat":
            start = chance.randrange(len(data) + 1)
            return data[:at] + data[start : start + 40] + data[at:]
        if kind == "replace":
            return data[:at] + chance.randbytes(1) + data[at + 1 :]
        put = chance.choice(_PIECES) if kind == "insert" else chance.randbytes(chance.randrange(8))
        return data[:at] + put + data[at:]
