"""What a document says of a model behind LiteLLM."""

from typing import Any

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.document import parse_model
from llmproxy.infra.providers.long_tail.document import Said, said
from llmproxy.infra.providers.long_tail.prepared import split
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from tests.fakes.documents import document

SECRETS = EnvironmentSecrets({"THE_KEY": "a-key", "AWS_SECRET": "a-secret"})


def read(**parameters: object) -> Said:
    """The reading of a document with these parameters."""
    good: dict[str, Any] = {"litellm_model": "mistral/large"} | parameters
    written = document(provider="LiteLLM", model_type="LiteLLM", parameters=good)
    return said(parse_model(written).model, SECRETS)


def test_options_go_by_litellms_names() -> None:
    """What the gateway has names for is renamed, references are resolved, the rest stays."""
    options = read(
        project_id="p-1",
        api_version="2026-10-01",
        aws_secret_access_key_secret_name="AWS_SECRET",
        space_id="s-1",
    ).options
    assert options == {
        "project_id": "p-1",
        "api_version": "2026-10-01",
        "aws_secret_access_key": "a-secret",
        "space_id": "s-1",
    }


def test_all_secrets_are_known() -> None:
    """Whoever shows a request has to mask them."""
    found = read(secret_name="THE_KEY", aws_secret_access_key_secret_name="AWS_SECRET").secrets
    assert [each.expose() for each in found] == ["a-key", "a-secret"]
    assert read(space_id="s-1").secrets == ()


def test_the_key_is_a_reference() -> None:
    """`secret_name` is resolved; none is no key, and an unknown one is named."""
    assert read(secret_name="THE_KEY").need_key() == "a-key"
    with pytest.raises(Incomplete, match="secret_name is missing"):
        read().need_key()
    with pytest.raises(SecretMissing, match="OTHER"):
        read(secret_name="OTHER")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"aws_secret_access_key": "abc"}, "holds a secret itself"),
        ({"token": "abc"}, "holds a secret itself"),
        ({"zen_api_key": "abc"}, "holds a secret itself"),
        ({"token_secret_name": 5}, "must be the name of a secret"),
        ({"litellm_model": None}, "litellm_model is missing"),
        ({"litellm_model": " "}, "litellm_model is missing"),
    ],
)
def test_what_is_refused(parameters: dict[str, object], words: str) -> None:
    """A secret that stands in the document, and a document without a model."""
    with pytest.raises(Incomplete, match=words):
        read(**parameters)


def test_numbers_are_no_secrets() -> None:
    """A name that only begins like a secret's is not taken for one."""
    assert read(tokens_per_minute=5).options == {"tokens_per_minute": 5}


def test_secrets_are_not_shown() -> None:
    """Neither the key nor what was resolved appears in the text of the object."""
    shown = repr(read(secret_name="THE_KEY", aws_secret_access_key_secret_name="AWS_SECRET"))
    assert "a-key" not in shown
    assert "a-secret" not in shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mistral-large", "a provider and its model"),
        ("mistral/", "a provider and its model"),
        ("openai/gpt-5", "model_type OpenAI"),
        ("anthropic/claude", "model_type Anthropic"),
        ("azure/gpt", "model_type AzureOpenAI"),
        ("vertex_ai/gemini", "model_type GoogleVertex"),
    ],
)
def test_names_of_models(name: str, words: str) -> None:
    """A provider that has its own model_type is not called through LiteLLM."""
    with pytest.raises(Incomplete, match=words):
        split(name)
    assert split("watsonx/ibm/granite") == ("watsonx", "ibm/granite")
