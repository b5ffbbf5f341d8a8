"""Settings of the doors: origins, TLS, bounds of heads."""

from pathlib import Path

import pytest

from llmproxy.config import SettingError, settings_from
from llmproxy.config.examining import examined, known_settings


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("", set()),
        ("*", {"*"}),
        ("https://App.Example.com/", {"https://app.example.com"}),
        ("https://a.test:443, http://b.test:80", {"https://a.test", "http://b.test"}),
        ("http://localhost:3000 http://[::1]:3000", {"http://localhost:3000", "http://[::1]:3000"}),
    ],
)
def test_origins(written: str, origins: set[str]) -> None:
    """As browsers write them, separated by commas or blanks."""
    assert settings_from({"CORS_ALLOW_ORIGINS": written}).cross_origin.origins == origins


@pytest.mark.parametrize(
    "written",
    [
        *("app.example.com", "null", "https://a.test/path", "https://*.a.test?x", "ftp://a.test"),
        *("https://me@a.test", "https://a.test:0", "*, https://a.test", "https://"),
    ],
)
def test_what_is_no_origin(written: str) -> None:
    """It is refused by name."""
    with pytest.raises(SettingError, match="CORS_ALLOW_ORIGINS"):
        settings_from({"CORS_ALLOW_ORIGINS": written})


def test_all_origins_with_credentials_are_refused() -> None:
    """Any page could act as whoever looks at it."""
    with pytest.raises(SettingError, match="CORS_ALLOW_ORIGINS"):
        settings_from({"CORS_ALLOW_ORIGINS": "*", "CORS_ALLOW_CREDENTIALS": "on"})


def test_headers_and_methods() -> None:
    """Names in the case that they are compared in; a star is as if nothing was said."""
    told = settings_from({"CORS_ALLOW_HEADERS": "Authorization, X-A", "CORS_ALLOW_METHODS": "get"})
    assert told.cross_origin.headers == ("authorization", "x-a")
    assert told.cross_origin.methods == ("GET",)
    assert settings_from({"CORS_ALLOW_HEADERS": "*"}).cross_origin.headers is None
    with pytest.raises(SettingError, match="CORS_ALLOW_HEADERS"):
        settings_from({"CORS_ALLOW_HEADERS": "a:b"})


def test_tls() -> None:
    """One file may hold certificate and key; a key alone is no TLS."""
    assert settings_from({}).tls is None
    tls = settings_from({"TLS_CERT_FILE": "/etc/one.pem"}).tls
    assert tls is not None
    assert (tls.cert_file, tls.key_file) == (Path("/etc/one.pem"), Path("/etc/one.pem"))
    for name in ("TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"):
        with pytest.raises(SettingError, match=f"^{name}: set TLS_CERT_FILE too"):
            settings_from({name: "/etc/one.pem"})
    with pytest.raises(SettingError, match="TLS_MIN_VERSION"):
        settings_from({"TLS_CERT_FILE": "/etc/one.pem", "TLS_MIN_VERSION": "1.1"})


def test_tls_of_clients() -> None:
    """Their certificates are asked for over TLS 1.3 only; who writes 1.2 beside that is told."""
    mutual = {"TLS_CERT_FILE": "/etc/one.pem", "TLS_CLIENT_CA_FILE": "/etc/clients.pem"}
    for more in ({}, {"TLS_MIN_VERSION": "1.3"}):
        tls = settings_from({**mutual, **more}).tls
        assert tls is not None
        assert tls.min_version == "1.3"
    with pytest.raises(SettingError, match=r"^TLS_MIN_VERSION: 1\.2 is not spoken with"):
        settings_from({**mutual, "TLS_MIN_VERSION": "1.2"})


def test_all_faults_at_once() -> None:
    """Each is told once, and the rest is read as if those were not set."""
    read = examined({"PORT": "no", "TLS_KEY_FILE": "x", "KEEP_ALIVE_S": "0", "HOST": "::1"})
    assert [fault.split("=")[0].split(":")[0] for fault in read.faults] == [
        "PORT",
        "KEEP_ALIVE_S",
        "TLS_KEY_FILE",
    ]
    assert (read.settings.host, read.settings.port) == ("::1", 8000)


def test_the_names_of_all_settings() -> None:
    """Those that are read, no others."""
    assert {"PORT", "REDIS_URL", "TLS_CERT_FILE"} <= known_settings()
    assert "PATH" not in known_settings()
