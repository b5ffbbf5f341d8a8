"""Seals made with HMAC-SHA256 (RFC 2104) over a key that the store keeps."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.sealing import Sealing

KEY_BYTES: Final = 32
MAC_BYTES: Final = 16
"""Half of SHA-256's, as RFC 2104 section 5 allows: seals stand in URLs."""
MAX_SEAL_CHARS: Final = 4096


class Signer(Sealing):
    """Holds the key and never shows it."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the key. Raises ValueError for one that is too short to sign with."""
        if len(key) < KEY_BYTES:
            raise ValueError(f"a signing key needs {KEY_BYTES} bytes")
        self._key = key

    @override
    def seal(self, kind: str, payload: bytes) -> str:
        sealed = self._mac(kind, payload) + payload
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    @override
    def unseal(self, kind: str, text: str) -> bytes | None:
        if len(text) > MAX_SEAL_CHARS or not text.isascii():
            return None
        written = text.encode("ascii")
        try:
            sealed = urlsafe_b64decode(written + b"=" * (-len(written) % 4))
        except binascii.Error:
            return None
        # The decoder skips foreign characters and unused bits: only one text stands for a seal.
        if urlsafe_b64encode(sealed).rstrip(b"=") != written:
            return None
        mac, payload = sealed[:MAC_BYTES], sealed[MAC_BYTES:]
        return payload if hmac.compare_digest(mac, self._mac(kind, payload)) else None

    def _mac(self, kind: str, payload: bytes) -> bytes:
        """Return the MAC; the kind's length comes first, so that no kind can run into a payload."""
        name = kind.encode("utf-8")
        message = len(name).to_bytes(4, "big") + name + payload
        return hmac.digest(self._key, message, "sha256")[:MAC_BYTES]

    @override
    def __repr__(self) -> str:
        return "Signer(*****)"

    @override
    def __reduce__(self) -> str:
        raise TypeError("a signing key is never serialized")
