"""The simulated vault, proven by azure-keyvault-secrets with azure-identity's tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient

from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.runner import away, running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator

NAME = "AZURE-OPENAI-API-KEY"


@pytest.fixture(scope="module", name="certificate")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(name="vault")
def _vault(certificate: tuple[Path, Path]) -> Iterator[KeyVaultSimulator]:
    tls = tls_context(*certificate)
    with (
        running(TokenSimulator(tls=tls)) as issuer,
        running(KeyVaultSimulator(issuer, tls=tls)) as vault,
    ):
        vault.keep(NAME, "value-1")
        yield vault


@contextmanager
def client_of(vault: KeyVaultSimulator, certificate: tuple[Path, Path]) -> Iterator[SecretClient]:
    """The SDK's client, its retries off."""
    entra = vault.issuer.entra
    options = {"connection_verify": str(certificate[0]), "retry_total": 0, "read_timeout": 2}
    credential = ClientSecretCredential(
        entra.tenant,
        entra.client_id,
        entra.client_secret,
        authority=vault.issuer.url,
        disable_instance_discovery=True,
        **options,
    )
    with credential, SecretClient(vault.url, credential, **options) as client:
        yield client


@pytest.fixture(name="client")
def _client(vault: KeyVaultSimulator, certificate: tuple[Path, Path]) -> Iterator[SecretClient]:
    with client_of(vault, certificate) as client:
        yield client


def test_the_newest_version(vault: KeyVaultSimulator, client: SecretClient) -> None:
    """A challenge, a token for the vault's resource, then the value; names know no capitals."""
    first = next(iter(vault.stored(NAME).versions))
    vault.keep(NAME, "value-2")

    newest = client.get_secret(NAME.lower())
    older = client.get_secret(NAME, first)

    assert (newest.value, older.value) == ("value-2", "value-1")
    assert older.properties.version == first
    assert [each.status for each in vault.requests] == [401, 200, 200]
    assert [each.scope for each in vault.issuer.tokens] == [f"https://0.0.1:{vault.port}/.default"]


def test_a_secret_that_is_not_there(client: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError) as raised:
        client.get_secret("NOBODYS")

    assert raised.value.error is not None
    assert raised.value.error.code == "SecretNotFound"


@pytest.mark.parametrize(("how", "code"), [("off", "SecretDisabled"), ("no", "ForbiddenByRbac")])
def test_forbidden(vault: KeyVaultSimulator, client: SecretClient, how: str, code: str) -> None:
    """A disabled secret and one that the caller may not read differ by the inner code only."""
    vault.stored(NAME).enabled = how != "off"
    vault.stored(NAME).forbidden = how == "no"

    with pytest.raises(HttpResponseError) as raised:
        client.get_secret(NAME)

    assert raised.value.status_code == 403
    assert raised.value.error is not None
    assert raised.value.error.innererror == {"code": code}


def test_throttled(vault: KeyVaultSimulator, client: SecretClient) -> None:
    vault.fail_next("status", status=429, model=NAME, times=None, headers={"retry-after": "7"})

    with pytest.raises(HttpResponseError) as raised:
        client.get_secret(NAME)

    assert raised.value.status_code == 429
    assert raised.value.response is not None
    assert raised.value.response.headers["Retry-After"] == "7"


def test_a_challenge_of_another_domain(vault: KeyVaultSimulator, client: SecretClient) -> None:
    """The SDK never asks for a token that opens vaults of another domain."""
    vault.resource = "https://vault.azure.net"

    with pytest.raises(ValueError, match="does not match the requested domain"):
        client.get_secret(NAME)

    assert vault.issuer.tokens == []


def test_a_wrong_client_secret(vault: KeyVaultSimulator, client: SecretClient) -> None:
    vault.issuer.fail_next("status", status=401, path="/oauth2/v2.0/token")

    with pytest.raises(ClientAuthenticationError):
        client.get_secret(NAME)


def test_away_and_silent(vault: KeyVaultSimulator, client: SecretClient) -> None:
    with away(vault), pytest.raises(ServiceRequestError):
        client.get_secret(NAME)
    vault.fail_next("hang_before_headers", times=None)
    with pytest.raises(ServiceResponseError):
        client.get_secret(NAME)
