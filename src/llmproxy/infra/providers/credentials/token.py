"""An access token, and why there is none."""

import logging
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.domain.secret import Secret

MAX_WORDS: Final = 500
_TOKEN_LIKE: Final = re.compile(r"[A-Za-z0-9_+=-]{40,}")
"""Longer than a GUID or any word of an error; access tokens, assertions and keys are."""
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""RFC 6750 section 2.1: what an access token may consist of."""


class CredentialFailed(Exception):
    """No token could be had; the words tell why and hold no secret."""


class Token:
    """A header line with an access token, and when it ends; it prints as *****.

    `expires_at` is in unix seconds.
    """

    __slots__ = ("_line", "expires_at")

    def __init__(self, value: Secret, expires_at: float) -> None:
        """Take the value. Raises CredentialFailed for one that cannot stand in a header."""
        if not _BEARER.fullmatch(value.expose()):
            raise CredentialFailed("the access token holds a character that no token may hold")
        self._line = f"authorization: Bearer {value.expose()}\r\n".encode("ascii")
        self.expires_at = expires_at

    @property
    def line(self) -> bytes:
        """The header line, with its CRLF."""
        return self._line

    @override
    def __repr__(self) -> str:
        return "Token(*****)"

    @override
    def __reduce__(self) -> str:
        raise TypeError("a token is never serialized")


Fetch = Callable[[], Token]
"""Gets a token from its issuer; waits, so that it runs in a thread. Raises CredentialFailed."""


def told(error: BaseException, hidden: Iterable[Secret] = ()) -> str:
    """Return what an SDK's error says, in one short line without any secret."""
    said = " ".join(str(error.args[0] if error.args else error).split()) or type(error).__name__
    for secret in hidden:
        said = said.replace(secret.expose(), "*****")
    said = _TOKEN_LIKE.sub("*****", said)
    return said if len(said) <= MAX_WORDS else f"{said[:MAX_WORDS]}…"


class Source(NamedTuple):
    """Where one identity's tokens come from. Documents with equal `key` share a credential.

    `name` is what people read of it; neither holds a secret.
    """

    key: tuple[str, ...]
    name: str
    fetch: Fetch


def quiet(*loggers: str) -> None:
    """Let an SDK log no more: what fails is told by the refresher, in one line."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def trusted_file(environment: Mapping[str, str]) -> str | None:
    """Return the file of authorities that an SDK is to trust, None for its own.

    The same that the gateway trusts towards providers, unless requests' own variables name another.
    """
    named = (environment.get(name, "").strip() for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    return next(filter(None, named), None) or ssl.get_default_verify_paths().cafile
