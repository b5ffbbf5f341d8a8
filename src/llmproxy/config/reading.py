"""From the environment to `Settings`."""

import os
from collections.abc import Mapping
from pathlib import Path

from llmproxy.config.reader import Reader, is_address
from llmproxy.config.reading_doors import cross_origin_from, heads_from, tls_from
from llmproxy.config.reading_logs import logs_from
from llmproxy.config.reading_tracing import tracing_from
from llmproxy.config.settings import (
    AccessSettings,
    AdmissionSettings,
    CacheSettings,
    CosmosSettings,
    LedgerSettings,
    LifeSettings,
    RedisSettings,
    RegistrySettings,
    SecretsSettings,
    SettingError,
    Settings,
)
from llmproxy.domain.caller import Auth
from llmproxy.domain.dotenv import DotenvError, parse_dotenv
from llmproxy.domain.limit import WhenAway
from llmproxy.domain.secret import Secret

MIN_ADMIN_KEY = 32
"""Characters of the shortest admin key: what a generator gives, not what people think up."""
DOTENV = ".env"
LOG_LEVELS = ("debug", "info", "warning", "error")
LEAST_FOR_BODIES = 1024 * 1024
"""Bytes that an upload without a length asks for: with less, it would wait for ever in vain."""


def process_environment(*, with_file: bool = True) -> dict[str, str]:
    """Return the environment of this process over what the file `.env` says.

    The file is the one that LLMPROXY_ENV_FILE names, else `.env` in the working directory, if there
    is one. Raises SettingError for a file that cannot be read.
    """
    path = env_file() if with_file else None
    if path is None:
        return dict(os.environ)
    try:
        found = parse_dotenv(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingError(f"{path} cannot be read: {reason}") from None
    except DotenvError as error:
        raise SettingError(f"{path}: {error}") from None
    return found | dict(os.environ)


def env_file() -> Path | None:
    """Return the file of variables that is read, None where there is none."""
    written = os.environ.get("LLMPROXY_ENV_FILE", "").strip()
    path = Path(written or DOTENV)
    return path if written or path.is_file() else None


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingError for the first variable that does not fit."""
    read = _reader(environment)
    data_dir = read.folder("LLMPROXY_DATA_DIR") or _default_data_dir(environment)
    return Settings(
        environment=environment,
        host=read.text("HOST", Settings.host),
        port=read.whole("PORT", Settings.port, 0, 65_535),
        stage=read.text("ENVIRONMENT", Settings.stage),
        data_dir=data_dir,
        access=_access(read),
        registry=_registry(read),
        secrets=_secrets(read),
        life=_life(read),
        admission=_admission(read),
        ledger=_ledger(read),
        cache=_cache(read),
        redis=_redis(read),
        replicas_many=read.choice("REPLICAS", "one", ("one", "many")) == "many",
        alert_webhook=_webhook(read),
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
        log_level=read.choice("LOG_LEVEL", Settings.log_level, LOG_LEVELS),
        access_log=read.switch("ACCESS_LOG", default=True),
        logs=logs_from(read, data_dir),
        tracing=tracing_from(read),
        cross_origin=cross_origin_from(read),
        tls=tls_from(read),
        heads=heads_from(read),
    )


def _reader(environment: Mapping[str, str]) -> Reader:
    _check_proxies(environment)
    return Reader(environment)


def _access(read: Reader) -> AccessSettings:
    auth = read.choice("AUTH", "", ("", "open", "keys"))
    own_port = read.text("ADMIN_PORT", "")
    return AccessSettings(
        Auth(auth) if auth else None,
        _admin_key(read),
        read.whole("ADMIN_PORT", 0, 0, 65_535) if own_port else None,
    )


def _registry(read: Reader) -> RegistrySettings:
    return RegistrySettings(
        _cosmos(read),
        read.folder("MODELS_PATH"),
        read.seconds("REGISTRY_RELOAD_S", RegistrySettings.reload_every_s),
        read.switch("ACCEPT_EMPTY_REGISTRY"),
    )


def _secrets(read: Reader) -> SecretsSettings:
    return SecretsSettings(
        read.folder("SECRETS_DIR") or SecretsSettings.folder,
        read.https("AZURE_KEY_VAULT_URL"),
        read.seconds("SECRETS_REFRESH_S", SecretsSettings.refresh_s),
    )


def _life(read: Reader) -> LifeSettings:
    return LifeSettings(
        read.seconds_from_zero("DRAIN_DELAY_S", LifeSettings.drain_delay_s),
        read.seconds("SHUTDOWN_TIMEOUT_S", LifeSettings.shutdown_timeout_s),
        read.switch("REUSE_PORT"),
    )


def _admission(read: Reader) -> AdmissionSettings:
    most, largest = read.text("MAX_BODY_BYTES_IN_MEMORY", ""), "MAX_BODY_BYTES"
    body_bytes = read.whole("MAX_BODY_BYTES_IN_MEMORY", 0, LEAST_FOR_BODIES) if most else None
    if body_bytes is not None and body_bytes < read.whole(largest, Settings.max_body_bytes, 1024):
        raise SettingError(
            f"MAX_BODY_BYTES_IN_MEMORY={most!r}: give at least {largest}, or one body of the "
            "largest size would never have room"
        )
    return AdmissionSettings(
        body_bytes,
        read.whole("MAX_QUEUED_REQUESTS", AdmissionSettings.max_queued, 0),
        read.seconds("QUEUE_TIMEOUT_S", AdmissionSettings.queue_timeout_s),
    )


def _ledger(read: Reader) -> LedgerSettings:
    return LedgerSettings(
        read.whole("JOURNAL_MAX_BYTES", LedgerSettings.journal_max_bytes, 1024 * 1024),
        read.choice("LEDGER_FAILURE", "refuse", ("refuse", "serve")) == "refuse",
        read.whole("USAGE_ROWS_DAYS", LedgerSettings.keep_rows_days, 0, 36_500),
    )


def _cache(read: Reader) -> CacheSettings:
    return CacheSettings(
        read.whole("CACHE_MAX_BYTES", CacheSettings.max_bytes, 0),
        read.whole("CACHE_MAX_ENTRY_BYTES", CacheSettings.max_entry_bytes, 1),
        read.seconds("IDEMPOTENCY_TTL_S", CacheSettings.idempotency_ttl_s),
    )


def _redis(read: Reader) -> RedisSettings | None:
    url = read.text("REDIS_URL", "")
    away = read.choice("LIMITS_WITHOUT_REDIS", WhenAway.CLOSED, tuple(WhenAway))
    prefix = read.text("REDIS_PREFIX", RedisSettings.prefix)
    if not url:
        return None
    if not is_address(url, ("redis", "rediss", "unix")):
        raise SettingError(
            "REDIS_URL: give redis://[user:password@]host:port/number, or rediss:// for TLS"
        )
    return RedisSettings(Secret(url), WhenAway(away), prefix)


def _webhook(read: Reader) -> Secret | None:
    url = read.text("ALERT_WEBHOOK_URL", "")
    if not url:
        return None
    if not is_address(url, ("https", "http")):
        raise SettingError(
            "ALERT_WEBHOOK_URL: give an address that begins with https:// or http://"
        )
    return Secret(url)


def _admin_key(read: Reader) -> Secret | None:
    value = read.text("LLMPROXY_ADMIN_KEY", "")
    if not value:
        return None
    if len(value) < MIN_ADMIN_KEY or not value.isascii() or not value.isprintable():
        raise SettingError(
            f"LLMPROXY_ADMIN_KEY: give at least {MIN_ADMIN_KEY} printable ASCII characters, "
            "such as what `openssl rand -hex 32` writes"
        )
    return Secret(value)


def _cosmos(read: Reader) -> CosmosSettings | None:
    url = read.https("COSMOS_URL")
    key = read.text("COSMOS_KEY", "")
    database = read.text("COSMOS_DATABASE_ID", CosmosSettings.database_id)
    container = read.text("COSMOS_CONTAINER_ID", CosmosSettings.container_id)
    keys = read.text("COSMOS_KEYS_CONTAINER_ID", CosmosSettings.keys_container_id)
    usage = read.text("COSMOS_USAGE_CONTAINER_ID", CosmosSettings.usage_container_id)
    rows = read.switch("USAGE_ROWS")
    if url is None:
        return None
    return CosmosSettings(
        url,
        Secret(key) if key else None,
        database,
        container,
        keys,
        usage,
        rows,
    )


def _check_proxies(environment: Mapping[str, str]) -> None:
    """Refuse a proxy that cannot be used; its value may hold a password and is not shown."""
    for name, value in environment.items():
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value:
            address = value if "://" in value else f"http://{value}"
            if not is_address(address, ("http",)):
                raise SettingError(f"{name}: give an HTTP proxy as http://host:port, or unset it")


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    state = environment.get("XDG_STATE_HOME") or f"{environment.get('HOME', '.')}/.local/state"
    return Path(state) / "llmproxy"
