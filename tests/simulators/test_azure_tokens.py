"""Entra ID and managed identities, proven by azure-identity."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AsyncioRequestsTransport
from azure.identity import (
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.tokens.azure_identity import USER_ASSIGNED

COGNITIVE = "https://cognitiveservices.azure.com"
SCOPE = f"{COGNITIVE}/.default"


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[TokenSimulator]:
    with running(TokenSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="issuer")
def _issuer(listening: TokenSimulator) -> TokenSimulator:
    listening.reset()
    return listening


@pytest.fixture(scope="module", name="certificate")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", name="listening_tls")
def _listening_tls(certificate: tuple[Path, Path]) -> Iterator[TokenSimulator]:
    with running(TokenSimulator(tls=tls_context(*certificate))) as simulator:
        yield simulator


@pytest.fixture(name="entra")
def _entra(listening_tls: TokenSimulator) -> TokenSimulator:
    listening_tls.reset()
    return listening_tls


def of_secret(entra: TokenSimulator, certificate: Path, **changes: str) -> ClientSecretCredential:
    """azure-identity's credential of an application's secret."""
    given = {
        "tenant_id": entra.entra.tenant,
        "client_id": entra.entra.client_id,
        "client_secret": entra.entra.client_secret,
    }
    return ClientSecretCredential(
        **given | changes,
        authority=entra.url,
        disable_instance_discovery=True,
        connection_verify=str(certificate),
    )


def test_a_client_secret(entra: TokenSimulator, certificate: tuple[Path, Path]) -> None:
    """msal reads the tenant's documents, gets a token, and asks no second time while it lives."""
    with of_secret(entra, certificate[0]) as credential:
        first = credential.get_token(SCOPE)
        second = credential.get_token(SCOPE)

    assert first.token == second.token == entra.tokens[0].token
    assert (entra.tokens[0].kind, entra.tokens[0].scope) == ("client_secret", SCOPE)
    assert len(entra.token_requests) == 1


def test_a_client_secret_async(entra: TokenSimulator, certificate: tuple[Path, Path]) -> None:
    """azure-identity's asynchronous client, which speaks without msal."""

    async def ask() -> str:
        credential = AsyncClientSecretCredential(
            entra.entra.tenant,
            entra.entra.client_id,
            entra.entra.client_secret,
            authority=entra.url,
            # the usual transport would need aiohttp
            transport=AsyncioRequestsTransport(connection_verify=str(certificate[0])),
        )
        async with credential:
            return (await credential.get_token(SCOPE)).token

    assert asyncio.run(ask()) == entra.tokens[0].token


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "77777777-7777-8888-9999-000000000000"}, "AADSTS700016"),
    ],
)
def test_refused_clients(
    entra: TokenSimulator, certificate: tuple[Path, Path], changes: dict[str, str], code: str
) -> None:
    """Entra ID says what is wrong by a code."""
    with (
        of_secret(entra, certificate[0], **changes) as credential,
        pytest.raises(ClientAuthenticationError, match=code),
    ):
        credential.get_token(SCOPE)

    assert entra.tokens == []


def test_a_scope_without_default(entra: TokenSimulator, certificate: tuple[Path, Path]) -> None:
    """An application has no scopes but `/.default`."""
    with (
        of_secret(entra, certificate[0]) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS1002012"),
    ):
        credential.get_token(f"{COGNITIVE}/user_impersonation")


def test_an_unknown_tenant(entra: TokenSimulator, certificate: tuple[Path, Path]) -> None:
    """A tenant that does not exist has no documents."""
    with (
        of_secret(entra, certificate[0], tenant_id="nobody.example") as credential,
        pytest.raises(ClientAuthenticationError, match="Unable to get authority configuration"),
    ):
        credential.get_token(SCOPE)


def of_workload(entra: TokenSimulator, certificate: Path, file: Path) -> WorkloadIdentityCredential:
    """azure-identity's credential of a service account of Kubernetes."""
    return WorkloadIdentityCredential(
        tenant_id=entra.entra.tenant,
        client_id=entra.entra.client_id,
        token_file_path=str(file),
        authority=entra.url,
        disable_instance_discovery=True,
        connection_verify=str(certificate),
    )


def test_workload_identity_of_azure(
    entra: TokenSimulator, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """The cluster's token is taken as the application's assertion."""
    file = tmp_path / "token"
    file.write_text(entra.entra.federated_token())

    with of_workload(entra, certificate[0], file) as credential:
        token = credential.get_token(SCOPE).token

    assert token == entra.tokens[0].token
    assert entra.tokens[0].kind == "client_assertion"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "system:serviceaccount:other:other"}, "AADSTS700213"),
        ({"lifetime_s": 0}, "AADSTS700024"),
    ],
)
def test_another_workload(
    entra: TokenSimulator,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    changes: dict[str, Any],
    code: str,
) -> None:
    """A service account that the application does not trust, or a token that is over."""
    file = tmp_path / "token"
    file.write_text(entra.entra.federated_token(**changes))

    with (
        of_workload(entra, certificate[0], file) as credential,
        pytest.raises(ClientAuthenticationError, match=code),
    ):
        credential.get_token(SCOPE)


def test_entra_fails(entra: TokenSimulator, certificate: tuple[Path, Path]) -> None:
    """A planned failure has Entra ID's shape."""
    entra.fail_next("status", status=401, model=SCOPE)

    with of_secret(entra, certificate[0]) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS90033"):
            credential.get_token(SCOPE)
        token = credential.get_token(SCOPE).token

    assert [each.token for each in entra.tokens] == [token]


def test_imds(issuer: TokenSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual machine's identity, by the resource of the scope."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", issuer.url)

    with ManagedIdentityCredential() as credential:
        token = credential.get_token(SCOPE)

    assert token.token == issuer.tokens[0].token
    assert (issuer.tokens[0].kind, issuer.tokens[0].scope) == ("imds", COGNITIVE)
    assert issuer.requests[0].header("metadata") == "true"


def test_user_assigned(issuer: TokenSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity that is assigned is found by its client id; another one is not there."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", issuer.url)

    with ManagedIdentityCredential(client_id=USER_ASSIGNED) as credential:
        credential.get_token(SCOPE)
    with (
        ManagedIdentityCredential(client_id="unknown") as credential,
        pytest.raises(CredentialUnavailableError, match="Identity not found"),
    ):
        credential.get_token(SCOPE)

    assert [token.subject for token in issuer.tokens] == [USER_ASSIGNED]


def test_app_service(issuer: TokenSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of App Service the endpoint and its secret header come from the environment."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", issuer.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", issuer.identities.identity_header)

    with ManagedIdentityCredential() as credential:
        token = credential.get_token(SCOPE)

    assert token.token == issuer.tokens[0].token
    assert issuer.tokens[0].kind == "app_service"
    assert abs(issuer.tokens[0].expires_at - token.expires_on) <= 2


def test_a_wrong_identity_header(issuer: TokenSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the secret header App Service gives nothing."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", issuer.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")

    with (
        ManagedIdentityCredential() as credential,
        pytest.raises(CredentialUnavailableError, match="401"),
    ):
        credential.get_token(SCOPE)
