"""Where Google's credentials come from, and what is said of a secret that is none."""

import json
from typing import Any

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.credentials.google import NotACredential, google
from llmproxy.infra.providers.credentials.token import CredentialFailed, Source
from llmproxy.infra.secrets.environment import EnvironmentSecrets

NAME = "SP-BRIDGE-4852-DEV"
ACCOUNT = {"type": "service_account", "client_email": "a@b.iam.gserviceaccount.com"}


def _source(environment: dict[str, str], **parameters: Any) -> Source:  # noqa: ANN401
    return google(Parameters(**parameters), EnvironmentSecrets(environment), environment)


def test_a_secret_with_dashes_holds_the_document() -> None:
    """The name is the identity; the value is read when a token is fetched."""
    source = _source({NAME: json.dumps(ACCOUNT)}, secret_name=NAME)

    assert source.key == ("google", f"secret {NAME}")
    assert source.name == f"Google, secret {NAME}"
    assert "gserviceaccount" not in repr(source)


def test_without_a_secret() -> None:
    """The file that is named, else what the machine offers."""
    named = {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}
    assert _source(named).key == ("google", "file of GOOGLE_APPLICATION_CREDENTIALS")
    assert _source({}).key == ("google", "application default credentials")
    with pytest.raises(CredentialFailed, match="CREDENTIALS cannot be read: No such file"):
        _source(named).fetch()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("AIzaSyExpress-mode-key", "is an API key, which Vertex AI takes in express mode only"),
        ("hunter2", "is not JSON"),
        ('["hunter2"]', "is not JSON"),
        ('{"type": "hunter2"}', "has a `type` that is none of service_account, external_account"),
        ('{"private_key": "hunter2"}', "has a `type` that is none of"),
        ('{"type": ["hunter2"]}', "has a `type` that is none of"),
    ],
)
def test_what_is_no_credential(value: str, words: str) -> None:
    """Said at once, without a word of the value."""
    with pytest.raises(NotACredential) as raised:
        _source({NAME: value}, secret_name=NAME)

    assert words in str(raised.value)
    assert NAME in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "AIza" not in str(raised.value)


def test_a_secret_that_is_not_there() -> None:
    """No default stands in for one that is named."""
    with pytest.raises(SecretMissing, match=NAME):
        _source({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}, secret_name=NAME)


@pytest.mark.parametrize(
    "endpoint",
    ["https://evil.example/v1", "https://googleapis.com.evil.example", "http://10.0.0.1"],
)
def test_the_gateways_own_identity_stays_with_google(endpoint: str) -> None:
    """A document cannot lead it to a stranger by naming no secret."""
    with pytest.raises(NotACredential, match="never sent to a host that is not Google's"):
        _source({}, endpoint=endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "https://us-central1-aiplatform.googleapis.com/v1",
        "http://127.0.0.1:9",
        "http://[::1]",
    ],
)
def test_google_and_this_machine_are_no_strangers(endpoint: str | None) -> None:
    """A simulator or a local proxy may be called."""
    assert _source({}, endpoint=endpoint).key[0] == "google"


def test_a_document_that_google_auth_cannot_use() -> None:
    """Its words are told, not the key."""
    broken = ACCOUNT | {"token_uri": "https://t.example", "private_key": "hunter2"}
    source = _source({NAME: json.dumps(broken)}, secret_name=NAME)

    with pytest.raises(CredentialFailed) as raised:
        source.fetch()
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None
