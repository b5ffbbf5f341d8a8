"""From the environment to the settings of the doors."""

from typing import Final
from urllib.parse import urlsplit

from llmproxy.config.doors import CrossOriginSettings, HeadSettings, TlsSettings
from llmproxy.config.reader import TOKEN, Reader
from llmproxy.config.settings import SettingError

ANY: Final = "*"
_SEPARATORS: Final = r",\s"
_MAX_AGE_S: Final = 86_400
"""The longest that Firefox keeps; Chromium keeps two hours."""


def cross_origin_from(read: Reader) -> CrossOriginSettings:
    """Read CORS_*. Raises SettingError."""
    default = CrossOriginSettings()
    origins = frozenset(map(_origin, read.listed("CORS_ALLOW_ORIGINS", separators=_SEPARATORS)))
    credentials = read.switch("CORS_ALLOW_CREDENTIALS")
    if ANY in origins and (credentials or len(origins) > 1):
        raise SettingError(
            "CORS_ALLOW_ORIGINS: * stands alone, and not with CORS_ALLOW_CREDENTIALS=on; name the "
            "origins"
        )
    headers = _tokens(read, "CORS_ALLOW_HEADERS")
    return CrossOriginSettings(
        origins,
        None if headers in ((), (ANY,)) else tuple(each.lower() for each in headers),
        tuple(each.upper() for each in _tokens(read, "CORS_ALLOW_METHODS")) or default.methods,
        credentials,
        read.whole("CORS_MAX_AGE_S", default.max_age_s, 0, _MAX_AGE_S),
    )


def _tokens(read: Reader, name: str) -> tuple[str, ...]:
    found = read.listed(name, separators=_SEPARATORS)
    for each in found:
        if not TOKEN.fullmatch(each):
            raise SettingError(f"{name}: {each!r} cannot be one; separate them by commas")
    return found


def _origin(written: str) -> str:
    """Return an origin as browsers write it (RFC 6454 §6.1). Raises SettingError."""
    if written == ANY:
        return written
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not written.isascii() or port == 0:
        raise _no_origin(written)
    if parts.path.rstrip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise _no_origin(written)
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else "")


def _no_origin(written: str) -> SettingError:
    return SettingError(
        f"CORS_ALLOW_ORIGINS: {written!r} is no origin; give such as https://app.example.com, or *"
    )


def tls_from(read: Reader) -> TlsSettings | None:
    """Read TLS_*. Raises SettingError."""
    certificate = read.folder("TLS_CERT_FILE")
    key, clients = read.folder("TLS_KEY_FILE"), read.folder("TLS_CLIENT_CA_FILE")
    password_name = read.text("TLS_KEY_PASSWORD_NAME", "")
    least = read.choice("TLS_MIN_VERSION", TlsSettings.min_version, ("1.2", "1.3"))
    if certificate is None:
        for name, given in (("TLS_KEY_FILE", key), ("TLS_CLIENT_CA_FILE", clients)):
            if given is not None:
                raise SettingError(f"{name}: set TLS_CERT_FILE too; without it there is no TLS")
        return None
    if clients is not None:
        if read.text("TLS_MIN_VERSION", "") == "1.2":
            raise SettingError(
                "TLS_MIN_VERSION: 1.2 is not spoken with TLS_CLIENT_CA_FILE, for who is no longer "
                "let in could take up an old session; leave it out, or set 1.3"
            )
        least = "1.3"
    return TlsSettings(certificate, key or certificate, password_name or None, least, clients)


def heads_from(read: Reader) -> HeadSettings:
    """Read the bounds of heads. Raises SettingError."""
    return HeadSettings(
        read.whole("MAX_HEAD_BYTES", HeadSettings.max_bytes, 1024, 1024 * 1024),
        read.whole("MAX_HEADER_LINES", HeadSettings.max_lines, 20, 10_000),
        read.seconds("HEAD_TIMEOUT_S", HeadSettings.timeout_s),
    )
