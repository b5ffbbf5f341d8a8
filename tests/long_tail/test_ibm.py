"""Tokens of IBM Cloud: an API key is exchanged, and what goes wrong holds no secret."""

from collections.abc import Iterator

import pytest

from llmproxy.infra.providers.credentials.ibm import ibm
from llmproxy.infra.providers.credentials.token import CredentialFailed, Token
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from tests.long_tail.pairs import model
from tests.simulators.long_tail import IAM_TOKEN, KEY, LongTailSimulator
from tests.simulators.runner import running


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[LongTailSimulator]:
    with running(LongTailSimulator()) as simulator:
        yield simulator


def fetched(url: str, key: str) -> Token:
    """The token that a key gets at an issuer."""
    parameters = model(
        {"litellm_model": "watsonx/x", "secret_name": "THE_KEY", "iam_endpoint": url}
    ).parameters
    source = ibm(parameters, EnvironmentSecrets({"THE_KEY": key}), {})
    assert source is not None
    return source.fetch()


def test_a_key_becomes_a_token(simulator: LongTailSimulator) -> None:
    """The token's header line, and what was asked for."""
    token = fetched(f"{simulator.url}/identity/token", KEY)
    assert token.line == f"authorization: Bearer {IAM_TOKEN}\r\n".encode()
    sent = simulator.requests[0].body
    assert b"grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey" in sent


def test_a_refused_key(simulator: LongTailSimulator) -> None:
    """The failure names the status and neither the key nor the issuer's words."""
    with pytest.raises(CredentialFailed, match="HTTP 400") as raised:
        fetched(f"{simulator.url}/identity/token", "another-key")
    assert "another-key" not in str(raised.value)


def test_an_issuer_that_is_away() -> None:
    """A refused connection is told in one line, without the key."""
    with pytest.raises(CredentialFailed) as raised:
        fetched("http://127.0.0.1:9/identity/token", KEY)
    assert KEY not in str(raised.value)
