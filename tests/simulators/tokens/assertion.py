"""JSON Web Tokens signed with RS256 (RFC 7515, RFC 7519): made and checked."""

import base64
import json
import time
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Claims = dict[str, Any]

KEY_ID = "simulated-key-1"


class InvalidAssertionError(Exception):
    """A text that is no token of this key."""


class SigningKey:
    """An RSA key of 2048 bits, made when it is first used."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    @cached_property
    def pem(self) -> str:
        """The private key, as the document of a service account holds it (PKCS 8)."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def sign(self, claims: Claims) -> str:
        """A token with these claims."""
        head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        text = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_encoded(signature)}"

    def verified(self, token: str) -> Claims:
        """The claims of a token that this key has signed. Raises InvalidAssertionError."""
        signed, _, signature = token.rpartition(".")
        try:
            self._key.public_key().verify(
                _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            if _object(signed.partition(".")[0]).get("alg") != "RS256":
                raise InvalidAssertionError("another algorithm")
        except (InvalidSignature, ValueError) as error:
            raise InvalidAssertionError("another key, or no token") from error
        return claims_of(token)


def claims_of(token: str) -> Claims:
    """What a token says, believed or not. Raises InvalidAssertionError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidAssertionError("not three parts")
    try:
        return _object(parts[1])
    except ValueError as error:
        raise InvalidAssertionError("no JSON") from error


def is_current(claims: Claims, *, longest_s: int, leeway_s: int = 60) -> bool:
    """Whether a token is valid now, and for no longer than `longest_s` in all."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        return False
    now = time.time()
    return (
        issued <= now + leeway_s and expires > now - leeway_s and 0 < expires - issued <= longest_s
    )


def _object(part: str) -> Claims:
    value = json.loads(_decoded(part))
    if not isinstance(value, dict):
        raise InvalidAssertionError("no object")
    return value


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
