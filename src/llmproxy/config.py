"""Settings: the only reader of the environment.

Every variable is listed in `.env.example` with unit and default.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit


class SettingError(ValueError):
    """A variable holds a value that makes no sense; the message names it and says what fits."""


@dataclass(frozen=True)
class Settings:
    """What the gateway was told, checked.

    `environment` stays available for references in model documents.
    """

    environment: Mapping[str, str]
    host: str = "127.0.0.1"
    port: int = 8000
    stage: str = "development"
    data_dir: Path = Path("data")
    max_body_bytes: int = 64 * 1024 * 1024
    max_upload_bytes: int = 64 * 1024 * 1024
    max_spooled_bytes: int = 4 * 1024 * 1024 * 1024
    body_timeout_s: float = 30.0
    max_concurrent_requests: int = 10_000
    max_upstream_connections: int = 10_000
    connect_timeout_s: float = 10.0
    first_byte_timeout_s: float = 300.0
    idle_timeout_s: float = 120.0
    total_timeout_s: float = 3600.0
    hold_status_s: float = 10.0
    keep_alive_s: float = 15.0
    realtime_max_message_bytes: int = 24 * 1024 * 1024
    realtime_idle_timeout_s: float = 900.0
    journal_max_bytes: int = 1024 * 1024 * 1024
    log_level: str = "info"
    access_log: bool = True

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the listening address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "llmproxy.sqlite3"

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy variables, for the upstream transport."""
        names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        return {name: value for name, value in self.environment.items() if name.lower() in names}


def process_environment() -> dict[str, str]:
    """Return a copy of the environment this process was started with."""
    return dict(os.environ)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingError for the first variable that does not fit."""
    _check_proxies(environment)
    read = _Reader(environment)
    return Settings(
        environment=environment,
        host=read.text("HOST", Settings.host),
        port=read.whole("PORT", Settings.port, 0, 65_535),
        stage=read.text("ENVIRONMENT", Settings.stage),
        data_dir=Path(
            read.text("LLMPROXY_DATA_DIR", str(_default_data_dir(environment)))
        ).expanduser(),
        max_body_bytes=read.whole("MAX_BODY_BYTES", Settings.max_body_bytes, 1024),
        max_upload_bytes=read.whole("MAX_UPLOAD_BYTES", Settings.max_upload_bytes, 1024),
        max_spooled_bytes=read.whole("MAX_SPOOLED_BYTES", Settings.max_spooled_bytes, 0),
        body_timeout_s=read.seconds("BODY_TIMEOUT_S", Settings.body_timeout_s),
        max_concurrent_requests=read.whole(
            "MAX_CONCURRENT_REQUESTS", Settings.max_concurrent_requests, 1
        ),
        max_upstream_connections=read.whole(
            "MAX_UPSTREAM_CONNECTIONS", Settings.max_upstream_connections, 1
        ),
        connect_timeout_s=read.seconds("CONNECT_TIMEOUT_S", Settings.connect_timeout_s),
        first_byte_timeout_s=read.seconds("FIRST_BYTE_TIMEOUT_S", Settings.first_byte_timeout_s),
        idle_timeout_s=read.seconds("IDLE_TIMEOUT_S", Settings.idle_timeout_s),
        total_timeout_s=read.seconds("TOTAL_TIMEOUT_S", Settings.total_timeout_s),
        hold_status_s=read.seconds("HOLD_STATUS_S", Settings.hold_status_s),
        keep_alive_s=read.seconds("KEEP_ALIVE_S", Settings.keep_alive_s),
        realtime_max_message_bytes=read.whole(
            "REALTIME_MAX_MESSAGE_BYTES", Settings.realtime_max_message_bytes, 1024
        ),
        realtime_idle_timeout_s=read.seconds(
            "REALTIME_IDLE_TIMEOUT_S", Settings.realtime_idle_timeout_s
        ),
        journal_max_bytes=read.whole("JOURNAL_MAX_BYTES", Settings.journal_max_bytes, 1024 * 1024),
        log_level=read.choice(
            "LOG_LEVEL", Settings.log_level, ("debug", "info", "warning", "error")
        ),
        access_log=read.choice("ACCESS_LOG", "on", ("on", "off")) == "on",
    )


def _check_proxies(environment: Mapping[str, str]) -> None:
    """Refuse a proxy that cannot be used; its value may hold a password and is not shown."""
    for name, value in environment.items():
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value:
            try:
                parts = urlsplit(value if "://" in value else f"http://{value}")
                fits = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
            except ValueError:
                fits = False
            if not fits:
                raise SettingError(f"{name}: give an HTTP proxy as http://host:port, or unset it")


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    state = environment.get("XDG_STATE_HOME") or f"{environment.get('HOME', '.')}/.local/state"
    return Path(state) / "llmproxy"


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in choices:
            raise SettingError(f"{name}={value!r}: give one of {', '.join(choices)}")
        return value

    def whole(self, name: str, default: int, least: int, most: int | None = None) -> int:
        value = self.text(name, str(default))
        fits = value.isascii() and value.isdigit() and int(value) >= least
        if not fits or (most is not None and int(value) > most):
            upto = "" if most is None else f" and at most {most}"
            raise SettingError(f"{name}={value!r}: give a whole number of at least {least}{upto}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            raise SettingError(f"{name}={value!r}: give seconds, a number above 0")
        return number
