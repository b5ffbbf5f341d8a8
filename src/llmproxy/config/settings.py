"""What the gateway can be told: one place, one name and one default for each setting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from llmproxy.config.doors import CrossOriginSettings, HeadSettings, TlsSettings
from llmproxy.config.logs import LogSettings
from llmproxy.config.tracing import TracingSettings
from llmproxy.domain.caller import Auth
from llmproxy.domain.limit import WhenAway
from llmproxy.domain.secret import Secret


class SettingError(ValueError):
    """A variable holds a value that makes no sense; the message names it and says what fits."""


@dataclass(frozen=True)
class CosmosSettings:
    """Where the registry is kept in Azure Cosmos DB; without a key Entra ID lets us in."""

    url: str
    key: Secret | None
    database_id: str = "llm-proxy"
    container_id: str = "models"
    keys_container_id: str = "keys"
    usage_container_id: str = "usage"
    usage_rows: bool = False
    """Whether each call is a document of its own there, beside the sums."""


@dataclass(frozen=True)
class RegistrySettings:
    """Where models, keys and projects come from; without `cosmos` from the SQLite file."""

    cosmos: CosmosSettings | None = None
    models_path: Path | None = None
    reload_every_s: float = 60.0
    accept_empty: bool = False


@dataclass(frozen=True)
class AccessSettings:
    """Who is let in. `auth` is what AUTH says, None where it says nothing."""

    auth: Auth | None = None
    admin_key: Secret | None = None
    admin_port: int | None = None


@dataclass(frozen=True)
class RedisSettings:
    """The state that several workers share. The address may hold a password."""

    url: Secret
    when_away: WhenAway = WhenAway.CLOSED
    prefix: str = "llmproxy"


@dataclass(frozen=True)
class LedgerSettings:
    """The journal and the ledger. `refuse_when_full` is what LEDGER_FAILURE says."""

    journal_max_bytes: int = 1024 * 1024 * 1024
    refuse_when_full: bool = True
    keep_rows_days: int = 400
    """0 keeps them for ever."""


@dataclass(frozen=True)
class CacheSettings:
    """Answers that are kept: for the same question, and for the same Idempotency-Key."""

    max_bytes: int = 64 * 1024 * 1024
    max_entry_bytes: int = 1024 * 1024
    idempotency_ttl_s: float = 86_400.0


@dataclass(frozen=True)
class SecretsSettings:
    """Where secrets are looked for behind the environment, and how often again."""

    folder: Path = Path("/run/secrets")
    vault_url: str | None = None
    refresh_s: float = 30.0


@dataclass(frozen=True)
class LifeSettings:
    """How it begins and ends: serves on for a while, then waits for what is under way.

    With `reuse_port` the next worker may listen before this one ends.
    """

    drain_delay_s: float = 5.0
    shutdown_timeout_s: float = 600.0
    reuse_port: bool = False


@dataclass(frozen=True)
class AdmissionSettings:
    """Beyond what is served at once: bodies in memory, and who waits.

    `body_bytes` is None where it is a share of the memory that this process may use
    (`config/memory.py`).
    """

    body_bytes: int | None = None
    max_queued: int = 1000
    queue_timeout_s: float = 10.0


@dataclass(frozen=True)
class Settings:
    """What the gateway was told, checked.

    `environment` stays available for references in model documents.
    """

    environment: Mapping[str, str] = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    stage: str = "development"
    data_dir: Path = Path("data")
    access: AccessSettings = AccessSettings()
    registry: RegistrySettings = RegistrySettings()
    secrets: SecretsSettings = SecretsSettings()
    life: LifeSettings = LifeSettings()
    admission: AdmissionSettings = AdmissionSettings()
    ledger: LedgerSettings = LedgerSettings()
    cache: CacheSettings = CacheSettings()
    redis: RedisSettings | None = None
    replicas_many: bool = False
    """More of this gateway run elsewhere, over the same store."""
    alert_webhook: Secret | None = None
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
    log_level: str = "info"
    access_log: bool = True
    logs: LogSettings = field(default_factory=LogSettings)
    tracing: TracingSettings | None = None
    cross_origin: CrossOriginSettings = field(default_factory=CrossOriginSettings)
    tls: TlsSettings | None = None
    heads: HeadSettings = field(default_factory=HeadSettings)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the listening address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def auth(self) -> Auth:
        """Who is let in without a key.

        This machine itself while there is no key, as long as nobody else can reach the gateway and
        it is being developed with; else nobody, but where AUTH=open says so.
        """
        if self.access.auth is not None:
            return self.access.auth
        developing = self.stage.lower() == "development"
        return Auth.LOCAL if self.on_loopback and developing else Auth.KEYS

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy variables, for the upstream transport."""
        names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        return {name: value for name, value in self.environment.items() if name.lower() in names}
