"""A key vault with its issuer, and a provider that checks its key, for each test."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator


@pytest.fixture(scope="package", name="certificate")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("vault"))


@pytest.fixture(name="vault")
def _vault(certificate: tuple[Path, Path]) -> Iterator[KeyVaultSimulator]:
    tls = tls_context(*certificate)
    with (
        running(TokenSimulator(tls=tls)) as issuer,
        running(KeyVaultSimulator(issuer, tls=tls)) as vault,
    ):
        yield vault


@pytest.fixture(name="upstream")
def _upstream() -> Iterator[OpenAISimulator]:
    """A provider that takes `value-1`, until a test gives it another key."""
    with running(OpenAISimulator(api_key="value-1")) as simulator:
        yield simulator


@pytest.fixture(name="in_vault")
def _in_vault(vault: KeyVaultSimulator, certificate: tuple[Path, Path]) -> Mapping[str, str]:
    """The settings of a gateway whose secrets live in the vault."""
    entra = vault.issuer.entra
    return {
        "AZURE_KEY_VAULT_URL": vault.url,
        "AZURE_TENANT_ID": entra.tenant,
        "AZURE_CLIENT_ID": entra.client_id,
        "AZURE_CLIENT_SECRET": entra.client_secret,
        "AZURE_AUTHORITY_HOST": vault.issuer.url,
        "SSL_CERT_FILE": str(certificate[0]),
        "SECRETS_REFRESH_S": "1",
    }
