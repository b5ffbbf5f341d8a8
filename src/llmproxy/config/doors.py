"""Settings of the doors: web pages of other origins, TLS, and the heads of requests."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CrossOriginSettings:
    """Which web pages may call the API from a browser; without origins none of another origin.

    `origins` holds `*` alone for all. `headers` None allows whatever a page asks for.
    """

    origins: frozenset[str] = frozenset()
    headers: tuple[str, ...] | None = None
    methods: tuple[str, ...] = ("GET", "POST", "DELETE")
    credentials: bool = False
    max_age_s: int = 600

    @property
    def any_origin(self) -> bool:
        """Whether pages of every origin may."""
        return "*" in self.origins


@dataclass(frozen=True)
class TlsSettings:
    """How the gateway itself ends TLS. `key_password_name` names a secret, as documents do.

    With `client_ca_file` `min_version` is 1.3.
    """

    cert_file: Path
    key_file: Path
    key_password_name: str | None = None
    min_version: str = "1.2"
    client_ca_file: Path | None = None


@dataclass(frozen=True)
class HeadSettings:
    """The bounds of a request's head, which nobody has to prove anything to send."""

    max_bytes: int = 64 * 1024
    max_lines: int = 200
    timeout_s: float = 30.0
