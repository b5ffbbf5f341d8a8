"""Which identity a document and the environment make, who shares it, and what is missing."""

from collections.abc import Mapping

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.identity import DEFAULT_SCOPE, Auth, Identity
from llmproxy.infra.providers.credentials.entra import NotConfigured, entra
from llmproxy.infra.providers.credentials.token import Source
from llmproxy.infra.secrets.environment import EnvironmentSecrets

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
OTHER = "77777777-7777-8888-9999-000000000000"
WHO = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
SECRET = WHO | {"AZURE_CLIENT_SECRET": "s~1"}
FILE = WHO | {"AZURE_FEDERATED_TOKEN_FILE": "/var/run/token"}


def _source(identity: Identity, environment: Mapping[str, str]) -> Source:
    return entra(identity, EnvironmentSecrets(environment), environment)


@pytest.mark.parametrize(
    ("identity", "environment", "key"),
    [
        (Identity(Auth.ENTRA), SECRET, ("client secret", TENANT, CLIENT, "AZURE_CLIENT_SECRET")),
        (
            Identity(Auth.ENTRA, client_id=CLIENT),
            SECRET,
            ("client secret", TENANT, CLIENT, "AZURE_CLIENT_SECRET"),
        ),
        (
            Identity(Auth.ENTRA, tenant_id="t.com", client_id=OTHER, client_secret_name="SP-X-DEV"),
            SECRET | {"SP-X-DEV": "s~2"},
            ("client secret", "t.com", OTHER, "SP-X-DEV"),
        ),
        (Identity(Auth.ENTRA), FILE, ("workload identity", TENANT, CLIENT, "")),
        (
            Identity(Auth.ENTRA),
            FILE | SECRET,
            ("client secret", TENANT, CLIENT, "AZURE_CLIENT_SECRET"),
        ),
        (
            Identity(Auth.WORKLOAD_IDENTITY),
            FILE | SECRET,
            ("workload identity", TENANT, CLIENT, ""),
        ),
        (Identity(Auth.ENTRA, client_id=OTHER), SECRET, ("managed identity", TENANT, OTHER, "")),
        (Identity(Auth.ENTRA, client_id=OTHER), {}, ("managed identity", "", OTHER, "")),
        (Identity(Auth.MANAGED_IDENTITY), SECRET, ("managed identity", TENANT, "", "")),
        (Identity(Auth.ENTRA), {}, ("default", "", "", "")),
    ],
)
def test_who_the_gateway_is(
    identity: Identity, environment: Mapping[str, str], key: tuple[str, ...]
) -> None:
    """The document before the environment, a secret before a file before a managed identity."""
    made = _source(identity, environment).key

    assert made[:4] == ("entra", *key[:3])
    assert made[4:] == (key[3], DEFAULT_SCOPE)


@pytest.mark.parametrize(
    ("identity", "environment", "missing"),
    [
        (Identity(Auth.ENTRA), {"AZURE_CLIENT_SECRET": "s"}, "parameters.tenant_id or AZURE_TEN"),
        (
            Identity(Auth.ENTRA, tenant_id="t", client_secret_name="S"),
            {"S": "s"},
            "the client secret S needs parameters.client_id or AZURE_CLIENT_ID, which",
        ),
        (Identity(Auth.WORKLOAD_IDENTITY), WHO, "needs AZURE_FEDERATED_TOKEN_FILE"),
        (Identity(Auth.WORKLOAD_IDENTITY), {}, "CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE"),
    ],
)
def test_what_is_missing_is_said(
    identity: Identity, environment: Mapping[str, str], missing: str
) -> None:
    """Where it can be given, in the document and in the environment."""
    with pytest.raises(NotConfigured, match=missing.replace(".", r"\.")):
        _source(identity, environment)


def test_a_secret_that_is_not_there() -> None:
    """The document's own secret has no stand-in."""
    identity = Identity(Auth.ENTRA, client_secret_name="SP-X-DEV")
    with pytest.raises(SecretMissing, match="SP-X-DEV is not set"):
        _source(identity, SECRET)


def test_another_scope_is_another_credential() -> None:
    """Documents share one only where all that makes a token is equal."""
    same = _source(Identity(Auth.ENTRA), SECRET)
    assert same.key == _source(Identity(Auth.ENTRA, client_id=CLIENT), SECRET).key
    other = _source(Identity(Auth.ENTRA, "https://ai.azure.com/.default"), SECRET)
    assert same.key != other.key


def test_names_hold_no_secret() -> None:
    """They stand in logs and in the health report."""
    source = _source(Identity(Auth.ENTRA), SECRET)

    assert source.name == (
        f"Entra ID, client {CLIENT}, secret AZURE_CLIENT_SECRET ({DEFAULT_SCOPE})"
    )
    assert "s~1" not in repr(source)
