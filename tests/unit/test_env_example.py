"""`.env.example` lists every variable that is read, with its real default."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from llmproxy.config import settings_from
from llmproxy.domain.vendor import VENDORS
from llmproxy.infra.providers.credentials import entra, google

TEXT = (Path(__file__).parents[2] / ".env.example").read_text("utf-8")
LINE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
SECTIONS = dict(re.findall(r"^# === (.+?) =+\n(.*?)(?=^# ===|\Z)", TEXT, re.MULTILINE | re.DOTALL))
VARIABLES = dict(LINE.findall(TEXT))
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
OF_THE_PROCESS = {"HOME", "XDG_STATE_HOME"}
DESCRIBED = {
    "COSMOS_URL", "COSMOS_KEY", "COSMOS_DATABASE_ID", "COSMOS_CONTAINER_ID", "ENVIRONMENT", "HOST",
    "PORT", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_VERSION", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_PROJECT_ID",
    "ANTHROPIC_API_KEY", "CUSTOM_API_KEY", "CUSTOM_API_ENDPOINT",
}  # fmt: skip
"""What the service was described with from the start; whoever knows these names finds them."""


class Watched(Mapping[str, str]):
    """An environment that notes which names are asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    @override
    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0


def settings_names() -> set[str]:
    """The variables that `config` reads."""
    environment = Watched()
    settings_from(environment)
    return environment.asked - OF_THE_PROCESS


def names(*sections: str) -> set[str]:
    """The variables of these sections."""
    return {name for title in sections for name, _ in LINE.findall(SECTIONS[title])}


def fields(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that come of an environment, by field."""
    settings = settings_from(environment)
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_every_setting_is_listed_and_no_other() -> None:
    """Neither side has a variable that the other does not know."""
    sections = ("The server", "Registry and access", "Bounds", "Money and limits")
    listed = names(*sections, "Patience with providers", "Traces")
    assert listed - PROXIES == settings_names()
    assert listed >= PROXIES


@pytest.mark.parametrize("name", sorted(settings_names()))
def test_a_listed_default_is_the_real_one(name: str) -> None:
    """Setting a variable to what the file shows changes nothing."""
    home = {"HOME": str(Path.home())}
    assert fields({name: VARIABLES[name], **home}) | {"environment": None} == fields(home) | {
        "environment": None
    }


OTHER = {
    "LLMPROXY_DATA_DIR": "elsewhere", "LOG_LEVEL": "debug", "ACCESS_LOG": "off", "AUTH": "open",
    "ACCEPT_EMPTY_REGISTRY": "on", "LLMPROXY_ADMIN_KEY": "k" * 32,
    "COSMOS_URL": "https://other.example", "AZURE_KEY_VAULT_URL": "https://other.example",
    "LEDGER_FAILURE": "serve", "USAGE_ROWS": "on", "REDIS_URL": "redis://other.example",
    "LOG_FORMAT": "json", "ACCESS_LOG_CLIENT_IP": "on", "CONTENT_LOG": "on",
    "CONTENT_LOG_REDACT": "cpf", "CONTENT_LOG_MAX_TOTAL_BYTES": "104857600",
    "CONTENT_LOG_KEEP_DAYS": "30",
    "LIMITS_WITHOUT_REDIS": "open", "REPLICAS": "many", "REUSE_PORT": "on",
    "OTEL_SDK_DISABLED": "true", "OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other.example",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other.example",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://other.example",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_TIMEOUT": "7000",
    "OTEL_EXPORTER_OTLP_HEADERS": "key=other", "OTEL_METRIC_EXPORT_INTERVAL": "7000",
    "OTEL_RESOURCE_ATTRIBUTES": "key=other",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "APPLICATIONINSIGHTS_CONNECTION_STRING":
        "InstrumentationKey=11111111-2222-3333-4444-555555555555",
    "ALERT_WEBHOOK_URL": "https://other.example/alerts", "CORS_ALLOW_CREDENTIALS": "on",
    "CORS_ALLOW_ORIGINS": "https://other.example", "MAX_HEADER_LINES": "77",
    "MAX_HEAD_BYTES": "4096", "TLS_MIN_VERSION": "1.3",
}  # fmt: skip


NEEDS: dict[str, dict[str, str]] = {
    "COSMOS_": {"COSMOS_URL": "https://one.example"},
    "USAGE_ROWS": {"COSMOS_URL": "https://one.example"},
    "TLS_": {"TLS_CERT_FILE": "one.pem"},
    "CONTENT_LOG_": {"CONTENT_LOG": "on"},
    "OTEL_": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://one.example"},
    "REDIS_PREFIX": {"REDIS_URL": "redis://one.example"},
    "LIMITS_WITHOUT_REDIS": {"REDIS_URL": "redis://one.example"},
    "MAX_BODY_BYTES_IN_MEMORY": {"MAX_BODY_BYTES": "1048576"},
}
"""By the beginning of a variable's name, what makes it matter."""


ONE_VALUE = {"OTEL_EXPORTER_OTLP_PROTOCOL"}
"""Any other is refused."""


@pytest.mark.parametrize("name", sorted(settings_names() - {"HOST", "ENVIRONMENT"} - ONE_VALUE))
def test_a_setting_is_really_read(name: str) -> None:
    """Another value of the variable gives other settings."""
    needed = next((given for start, given in NEEDS.items() if name.startswith(start)), {})
    other = OTHER.get(name, "2097152" if "BYTES" in name else "7")
    before, after = fields(needed), fields({**needed, name: other})
    assert {field for field in before if before[field] != after[field]} > {"environment"}


def test_every_variable_that_documents_default_to_is_listed() -> None:
    """What stands in for an absent field of a document is in the file."""
    defaults = {name for vendor in VENDORS for name in vendor.defaults.values()}
    defaults |= {vendor.secret_name for vendor in VENDORS if vendor.secret_name}
    assert defaults <= set(VARIABLES)


def test_every_variable_of_the_identities_is_listed() -> None:
    """What the credentials read of the environment, and what their libraries trust."""
    azure = {entra.CLIENT, entra.CLIENT_SECRET, entra.TENANT, entra.TOKEN_FILE, entra.AUTHORITY}
    read = {*azure, google.FILE, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
    assert read <= names("Secrets and places of the providers")


def test_every_variable_of_the_description_is_listed() -> None:
    """No name that the service was described with got lost."""
    assert set(VARIABLES) >= DESCRIBED


def test_nothing_in_the_file_is_set() -> None:
    """Sourcing the file as it stands changes nothing."""
    assert [line for line in TEXT.splitlines() if line and not line.startswith("#")] == []
