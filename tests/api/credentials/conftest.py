"""An issuer of tokens for each test."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator


@pytest.fixture(scope="package", name="certificate")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(name="issuer")
def _issuer() -> Iterator[TokenSimulator]:
    """Google, and managed identities: plain HTTP, as the metadata servers are."""
    with running(TokenSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="entra")
def _entra(certificate: tuple[Path, Path]) -> Iterator[TokenSimulator]:
    """Entra ID: azure-identity takes it over HTTPS only."""
    with running(TokenSimulator(tls=tls_context(*certificate))) as simulator:
        yield simulator


@pytest.fixture(name="application")
def _application(entra: TokenSimulator, certificate: tuple[Path, Path]) -> Mapping[str, str]:
    """An application with a secret, in Azure's usual variables."""
    return {
        "AZURE_TENANT_ID": entra.entra.tenant,
        "AZURE_CLIENT_ID": entra.entra.client_id,
        "AZURE_CLIENT_SECRET": entra.entra.client_secret,
        "AZURE_AUTHORITY_HOST": entra.url,
        "SSL_CERT_FILE": str(certificate[0]),
    }
