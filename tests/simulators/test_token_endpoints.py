"""Google's token endpoints, proven by google-auth."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.auth
import google.auth.exceptions
import pytest
from google.auth import identity_pool
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from tests.simulators.runner import running
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.tokens.assertion import SigningKey
from tests.simulators.tokens.google import CLOUD_PLATFORM, EMAIL, PROJECT


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[TokenSimulator]:
    with running(TokenSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="issuer")
def _issuer(listening: TokenSimulator) -> TokenSimulator:
    listening.reset()
    listening.expires_in = 3600
    return listening


@pytest.fixture(name="google_request")
def _google_request() -> Iterator[Request]:
    request = Request()
    yield request
    request.session.close()


def of_account(info: dict[str, Any]) -> service_account.Credentials:
    """google-auth's credentials of a service account."""
    return service_account.Credentials.from_service_account_info(info, scopes=[CLOUD_PLATFORM])


def test_a_service_account(issuer: TokenSimulator, google_request: Request) -> None:
    """google-auth's signed assertion is exchanged for a token, every time for another one."""
    found = of_account(issuer.service_account_info())

    found.refresh(google_request)
    first = found.token
    found.refresh(google_request)

    assert [token.token for token in issuer.tokens] == [first, found.token]
    assert first != found.token
    assert {(token.kind, token.scope) for token in issuer.tokens} == {
        ("service_account", CLOUD_PLATFORM)
    }
    assert len(issuer.token_requests) == 2


def test_how_long_it_lives(issuer: TokenSimulator, google_request: Request) -> None:
    """A short life is told, and seen by the client."""
    issuer.expires_in = 30
    found = of_account(issuer.service_account_info())

    found.refresh(google_request)

    assert found.token
    assert not found.valid  # google-auth calls a token stale 3:45 minutes before its end
    assert found.expiry is not None


def test_another_key(issuer: TokenSimulator, google_request: Request) -> None:
    """An assertion that another key has signed is refused."""
    found = of_account(issuer.service_account_info() | {"private_key": SigningKey().pem})

    with pytest.raises(google.auth.exceptions.RefreshError, match="Invalid JWT Signature"):
        found.refresh(google_request)

    assert issuer.tokens == []


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "https://example.com/token"}, "Failed audience check"),
        ({"exp": 1, "iat": 0}, "short-lived token"),
        ({"scope": "everything"}, "Invalid OAuth scope"),
        ({"iss": "stranger@example.com"}, "account not found"),
    ],
)
def test_claims(
    issuer: TokenSimulator, google_request: Request, claims: dict[str, Any], words: str
) -> None:
    """Every claim is looked at."""
    found = of_account(issuer.service_account_info())
    changed = service_account.Credentials(
        found.signer,
        EMAIL,
        issuer.service_account_info()["token_uri"],
        scopes=[CLOUD_PLATFORM],
        additional_claims=claims,
    )

    with pytest.raises(google.auth.exceptions.RefreshError, match=words):
        changed.refresh(google_request)


def test_the_default_credentials(
    issuer: TokenSimulator,
    google_request: Request,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """google.auth.default finds the account in the file that the environment names."""
    file = tmp_path / "account.json"
    file.write_text(json.dumps(issuer.service_account_info()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    found, project = google.auth.default(scopes=[CLOUD_PLATFORM])
    found.refresh(google_request)

    assert project == PROJECT
    assert found.token == issuer.tokens[0].token


def test_a_person(issuer: TokenSimulator, google_request: Request) -> None:
    """A refresh token is exchanged; a wrong one is refused."""
    info = issuer.authorized_user_info()
    given = {name: info[name] for name in ("client_id", "client_secret", "token_uri")}
    found = user.Credentials(None, refresh_token=info["refresh_token"], **given)
    wrong = user.Credentials(None, refresh_token="1//another", **given)

    found.refresh(google_request)
    with pytest.raises(google.auth.exceptions.RefreshError, match="expired or revoked"):
        wrong.refresh(google_request)

    assert [token.kind for token in issuer.tokens] == ["authorized_user"]
    assert found.token == issuer.tokens[0].token


@pytest.mark.parametrize("impersonate", [False, True])
def test_workload_identity(
    issuer: TokenSimulator, google_request: Request, tmp_path: Path, *, impersonate: bool
) -> None:
    """A provider's token becomes a federated one, and that one of the service account's."""
    file = tmp_path / "subject"
    file.write_text(issuer.google.subject_token())
    info = issuer.google.external_account_info(str(file), impersonate=impersonate)
    found = identity_pool.Credentials.from_info(info, scopes=[CLOUD_PLATFORM])

    found.refresh(google_request)

    kinds = ["federated", "impersonated"] if impersonate else ["federated"]
    assert [token.kind for token in issuer.tokens] == kinds
    assert found.token == issuer.tokens[-1].token


def test_the_metadata_server(issuer: TokenSimulator, tmp_path: Path) -> None:
    """On a machine of Google's, google.auth.default asks the metadata server. The host is read
    from the environment when google-auth is imported, hence a process of its own.
    """
    script = (
        "import google.auth; from google.auth.transport.requests import Request;"
        f"c, project = google.auth.default(scopes=['{CLOUD_PLATFORM}']); r = Request();"
        "c.refresh(r); print(project, c.token, c.service_account_email)"
    )
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "GCE_METADATA_HOST": issuer.metadata_host,
        "GCE_METADATA_IP": issuer.metadata_host,
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [PROJECT, issuer.tokens[0].token, EMAIL]
    assert issuer.tokens[0].kind == "metadata"
    assert issuer.tokens[0].scope == CLOUD_PLATFORM


def test_google_fails(issuer: TokenSimulator, google_request: Request) -> None:
    """Planned failures come in Google's words, by scope, and issue no token."""
    issuer.fail_next("status", status=400, model=CLOUD_PLATFORM, path="/token")
    found = of_account(issuer.service_account_info())

    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        found.refresh(google_request)
    assert issuer.tokens == []
    found.refresh(google_request)

    assert "invalid_grant" in str(caught.value)
    assert found.token == issuer.tokens[0].token
