"""Models with one identity share one credential, which lives as long as one of them."""

import asyncio
import gc
import logging
from typing import Any

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.document import parse_model
from llmproxy.domain.model import Model
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.credentials.token import told, trusted_file
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document

ENVIRONMENT = {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json", "OPENAI_API_KEY": "k-1"}
NAME = "Google, file of GOOGLE_APPLICATION_CREDENTIALS"


def _pool() -> Credentials:
    return Credentials(EnvironmentSecrets(ENVIRONMENT), ENVIRONMENT, FakeClock())


def _model(provider: str, kind: str, **parameters: Any) -> Model:  # noqa: ANN401
    made = document(provider=provider, model_type=kind, parameters=parameters)
    return parse_model(made, environment=ENVIRONMENT).model


def _vertex() -> Model:
    return _model("Google", "GoogleVertexMeta", gcp_project="p", location="us-central1")


def _azure(**parameters: Any) -> Model:  # noqa: ANN401
    return _model("Azure", "AzureOpenAI", endpoint="https://r.openai.azure.com", **parameters)


@pytest.mark.asyncio
async def test_one_for_each_identity(caplog: pytest.LogCaptureFixture) -> None:
    """Two documents ask for the same; with the last of them it is gone."""
    pool = _pool()
    assert pool.states() == {}
    with caplog.at_level(logging.CRITICAL):
        first, second = pool.of(_vertex()), pool.of(_vertex())
    assert first is second
    assert pool.counts() == {"known": 1, "failing": 0, "expired": 1}

    pool.close()
    del first, second
    await _landed()
    gc.collect()
    assert pool.counts() == {"known": 0, "failing": 0, "expired": 0}


@pytest.mark.asyncio
async def test_a_failure_is_counted_and_told() -> None:
    """By the name of the credential."""
    pool = _pool()
    credential = pool.of(_vertex())
    assert credential is not None
    with pytest.raises(Exception, match="no valid credential"):
        await credential.ready()

    assert pool.counts() == {"known": 1, "failing": 1, "expired": 1}
    assert pool.states() == {
        NAME: "GOOGLE_APPLICATION_CREDENTIALS cannot be read: No such file or directory;"
        " there is no token"
    }
    pool.close()


async def _landed() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait((task,))


def test_keys_need_no_credential() -> None:
    """OpenAI's and Azure's with a key: nothing is fetched, no event loop is needed."""
    pool = _pool()
    openai = _model("OpenAI", "OpenAI")
    assert pool.of(openai) is None
    key = pool.key(openai)
    assert key is not None
    assert key.expose() == "k-1"
    assert pool.of(_azure()) is None
    assert pool.key(_model("OpenAI", "OpenAI", endpoint="http://127.0.0.1:1")) is None


def test_a_missing_key_does_not_become_an_identity() -> None:
    """The document has to say so; the words tell how."""
    with pytest.raises(SecretMissing, match=r'AZURE_OPENAI_API_KEY.*"auth": "entra"'):
        _pool().key(_azure())
    with pytest.raises(SecretMissing) as raised:
        _pool().key(_model("OpenAI", "OpenAI", secret_name="OTHER"))
    assert "entra" not in str(raised.value)


def test_words_without_secrets() -> None:
    """One line, short, without what looks like a token."""
    said = told(ValueError("line one\n  two eyJ" + "a" * 60 + ".b" + "c" * 60))
    assert said == "line one two *****.*****"
    assert told(KeyError()) == "KeyError"
    assert len(told(ValueError("word " * 500))) < 600


def test_the_authorities_that_are_trusted() -> None:
    """requests' own variables first, as the SDKs would have it."""
    assert trusted_file({"REQUESTS_CA_BUNDLE": "/a", "CURL_CA_BUNDLE": "/b"}) == "/a"
    assert trusted_file({"CURL_CA_BUNDLE": "/b"}) == "/b"
