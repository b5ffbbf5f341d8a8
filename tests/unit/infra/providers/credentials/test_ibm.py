"""Which documents exchange a key of IBM Cloud for tokens. How: tests/long_tail/test_ibm.py."""

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.document import parse_model
from llmproxy.infra.providers.credentials.ibm import ibm
from llmproxy.infra.providers.credentials.token import Source
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from tests.fakes.documents import document


def source(**parameters: object) -> Source | None:
    """The source of a document's tokens."""
    said = {"litellm_model": "watsonx/ibm/granite", "secret_name": "THE_KEY"} | parameters
    written = document(provider="LiteLLM", model_type="LiteLLM", parameters=said)
    secrets = EnvironmentSecrets({"THE_KEY": "a-key", "TOKEN": "t"})
    return ibm(parse_model(written).model.parameters, secrets, {})


def test_one_identity_per_key() -> None:
    """Documents with the same key share one; its name and key hold no secret."""
    one, other = source(), source(litellm_model="watsonx/ibm/other")
    assert one is not None
    assert other is not None
    assert one.key == other.key
    assert "a-key" not in f"{one.key}{one.name}"


@pytest.mark.parametrize(
    "parameters",
    [
        {"litellm_model": "mistral/large"},
        {"token_secret_name": "TOKEN"},
        {"zen_api_key_secret_name": "TOKEN"},
        {"secret_name": None},
    ],
)
def test_documents_without_one(parameters: dict[str, object]) -> None:
    """Other providers, and documents with a token of their own, exchange nothing."""
    assert source(**parameters) is None


def test_what_is_wrong_with_a_document() -> None:
    """A secret that is not there, and an issuer that is no address."""
    with pytest.raises(SecretMissing):
        source(secret_name="OTHER")
    with pytest.raises(ValueError, match="iam_endpoint"):
        source(iam_endpoint="http://elsewhere.example")
