"""The adapter of Azure Key Vault over its real protocol: challenge, token, value and errors."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.infra.secrets.chain import SecretChain
from llmproxy.infra.secrets.vault import SecretRefused, VaultAway, VaultSecrets
from llmproxy.infra.telemetry.clock import SystemClock
from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.runner import away, running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator

NAME = "AZURE-OPENAI-API-KEY"


@pytest.fixture(scope="module", name="certificate")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", name="tls")
def _tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return tls_context(*certificate)


@pytest.fixture(name="simulator")
def _simulator(tls: ssl.SSLContext) -> Iterator[KeyVaultSimulator]:
    with (
        running(TokenSimulator(tls=tls)) as issuer,
        running(KeyVaultSimulator(issuer, tls=tls)) as vault,
    ):
        vault.keep(NAME, "value-1")
        yield vault


@pytest.fixture(name="environment")
def _environment(simulator: KeyVaultSimulator, certificate: tuple[Path, Path]) -> Mapping[str, str]:
    entra = simulator.issuer.entra
    return {
        "AZURE_TENANT_ID": entra.tenant,
        "AZURE_CLIENT_ID": entra.client_id,
        "AZURE_CLIENT_SECRET": entra.client_secret,
        "AZURE_AUTHORITY_HOST": simulator.issuer.url,
        "SSL_CERT_FILE": str(certificate[0]),
    }


@pytest_asyncio.fixture(name="vault")
async def _vault(
    simulator: KeyVaultSimulator, environment: Mapping[str, str]
) -> AsyncIterator[VaultSecrets]:
    vault = VaultSecrets(f"{simulator.url}/", environment)
    yield vault
    await vault.close()


@pytest.mark.asyncio
async def test_the_newest_value(simulator: KeyVaultSimulator, vault: VaultSecrets) -> None:
    """One challenge and one token for many questions."""
    assert await vault.fetch(NAME) == "value-1"
    simulator.keep(NAME, "value-2")
    assert await vault.fetch(NAME) == "value-2"
    assert simulator.asked == [NAME, NAME]
    assert len(simulator.issuer.tokens) == 1


@pytest.mark.asyncio
async def test_absent_deleted_and_disabled(
    simulator: KeyVaultSimulator, vault: VaultSecrets
) -> None:
    assert await vault.fetch("NOBODYS") is None
    simulator.stored(NAME).enabled = False
    assert await vault.fetch(NAME) is None
    simulator.drop(NAME)
    assert await vault.fetch(NAME) is None


@pytest.mark.asyncio
async def test_forbidden(simulator: KeyVaultSimulator, vault: VaultSecrets) -> None:
    simulator.stored(NAME).forbidden = True
    with pytest.raises(SecretRefused, match=r"HTTP 403: .*Caller is not authorized"):
        await vault.fetch(NAME)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "words", "retry_after_s"),
    [
        ({"status": 429, "headers": {"retry-after": "7"}}, "answers with HTTP 429: ", 7.0),
        ({"status": 503}, "answers with HTTP 503: ", None),
    ],
)
async def test_away_by_its_own_word(
    simulator: KeyVaultSimulator,
    vault: VaultSecrets,
    fault: dict[str, object],
    words: str,
    retry_after_s: float | None,
) -> None:
    """It is asked once: nobody repeats but the chain."""
    assert await vault.fetch(NAME)
    simulator.reset()
    simulator.fail_next("status", times=None, **fault)
    with pytest.raises(VaultAway, match=words) as raised:
        await vault.fetch(NAME)
    assert raised.value.retry_after_s == retry_after_s
    assert len(simulator.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "kind",
    [
        "reset_before_headers",
        "cut_mid_stream",
        "html",
        "garbage",
        "truncated_json",
        "empty_body",
        "null",
    ],
)
async def test_answers_that_make_no_sense(
    simulator: KeyVaultSimulator, vault: VaultSecrets, kind: str
) -> None:
    """None of them is taken for "there is no such secret"."""
    simulator.fail_next(kind, times=None)
    with pytest.raises((VaultAway, SecretRefused)):
        await vault.fetch(NAME)


@pytest.mark.asyncio
async def test_a_404_that_is_not_the_vaults(
    simulator: KeyVaultSimulator, vault: VaultSecrets
) -> None:
    """A wrong address must not look like a secret that was deleted."""
    simulator.fail_next("status", status=404, body="<html>no such page</html>", times=None)
    with pytest.raises(SecretRefused, match="HTTP 404"):
        await vault.fetch(NAME)


@pytest.mark.asyncio
async def test_a_dead_vault(simulator: KeyVaultSimulator, vault: VaultSecrets) -> None:
    gone = away(simulator)
    await asyncio.to_thread(gone.__enter__)
    try:
        with pytest.raises(VaultAway, match="cannot be reached"):
            await vault.fetch(NAME)
    finally:
        await asyncio.to_thread(gone.__exit__, None, None, None)
    assert await vault.fetch(NAME) == "value-1"


@pytest.mark.asyncio
async def test_a_wrong_client_secret(simulator: KeyVaultSimulator, vault: VaultSecrets) -> None:
    """The words name what Entra ID says, and never the secret itself."""
    secret = simulator.issuer.entra.client_secret
    simulator.issuer.entra.client_secret = "another"
    with pytest.raises(VaultAway, match=r"does not let this gateway in: .*AADSTS7000215") as raised:
        await vault.fetch(NAME)
    assert secret not in str(raised.value)


@pytest.mark.asyncio
async def test_a_challenge_of_another_domain(
    simulator: KeyVaultSimulator, vault: VaultSecrets
) -> None:
    """A vault that asks for a token for other vaults gets none."""
    simulator.resource = "https://vault.azure.net"
    with pytest.raises(VaultAway, match="does not match the requested domain"):
        await vault.fetch(NAME)
    assert simulator.issuer.tokens == []


@pytest.mark.asyncio
async def test_redirects_are_not_followed(
    simulator: KeyVaultSimulator, vault: VaultSecrets
) -> None:
    elsewhere = {"location": f"{simulator.url}/secrets/OTHER"}
    simulator.keep("OTHER", "of somebody else")
    simulator.fail_next("status", status=302, headers=elsewhere, model=NAME, times=None)
    with pytest.raises(SecretRefused, match="HTTP 302"):
        await vault.fetch(NAME)


@pytest.mark.asyncio
async def test_variables_that_make_no_identity(
    simulator: KeyVaultSimulator, environment: Mapping[str, str]
) -> None:
    """A tenant that cannot be one is told as any other failure."""
    vault = VaultSecrets(simulator.url, {**environment, "AZURE_TENANT_ID": "no tenant/"})
    with pytest.raises(VaultAway, match="cannot be reached: Invalid tenant"):
        await vault.fetch(NAME)
    await vault.close()


@pytest.mark.asyncio
async def test_the_chain_over_it(
    simulator: KeyVaultSimulator, vault: VaultSecrets, environment: Mapping[str, str]
) -> None:
    """Rotated, cut off, and back: the newest value that was ever seen is the one that is used."""
    chain = SecretChain(environment, folder=None, vault=vault, refresh_s=0.2, clock=SystemClock())
    chain.start()
    try:
        await chain.prepare(["AZURE_OPENAI_API_KEY"])
        assert chain.resolve("AZURE_OPENAI_API_KEY").expose() == "value-1"
        simulator.fail_next("status", status=503, times=None)
        await asyncio.sleep(0.5)
        assert chain.resolve("AZURE_OPENAI_API_KEY").expose() == "value-1"
        assert "HTTP 503" in str(chain.states())

        simulator.keep(NAME, "value-2")
        simulator.reset()
        for _ in range(100):  # a pause of some seconds at most was begun
            if chain.changed():
                break
            await asyncio.sleep(0.05)
        assert chain.resolve("AZURE_OPENAI_API_KEY").expose() == "value-2"
        assert list(chain.states().values()) == [None]
    finally:
        await chain.close()
