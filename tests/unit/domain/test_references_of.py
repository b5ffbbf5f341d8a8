"""Which secrets a document refers to."""

from typing import Any

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.secret_reference import references_of
from tests.fakes.documents import azure_document, document, google_document


def of(made: dict[str, Any], **environment: str) -> set[str]:
    """The references of a document."""
    return set(references_of(parse_model(made, environment=environment).model))


def litellm(**parameters: object) -> dict[str, Any]:
    """A document of the long tail."""
    return document(
        provider="LiteLLM", model_type="LiteLLM", parameters=parameters, costs={}, free=True
    )


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (azure_document(), {"AZURE_OPENAI_API_KEY"}),
        (azure_document(secret_name="OTHER"), {"OTHER"}),
        (azure_document(secret_name=None, api_key="BY_ALIAS"), {"BY_ALIAS"}),
        (azure_document(secret_name=None), {"AZURE_OPENAI_API_KEY"}),
        (azure_document(secret_name=None, endpoint="https://strangers.example"), set()),
        (azure_document(secret_name=None, auth="entra"), set()),
        (
            azure_document(secret_name=None, auth="entra", client_secret_name="OF-THE-APP"),
            {"OF-THE-APP"},
        ),
        (google_document(), {"SP-BRIDGE-4852-DEV"}),
        (google_document(secret_name=None), set()),
        (document(), {"OPENAI_API_KEY"}),
        (
            litellm(litellm_model="watsonx/ibm/granite", secret_name="IBM_KEY"),
            {"IBM_KEY"},
        ),
        (
            litellm(
                litellm_model="bedrock/x",
                aws_access_key_id_secret_name="AWS-ID",
                aws_secret_access_key_secret_name="AWS-SECRET",
                aws_region_name="eu-west-1",
            ),
            {"AWS-ID", "AWS-SECRET"},
        ),
        (document(provider="Local", model_type="Echo", parameters={}), set()),
    ],
)
def test_references(made: dict[str, Any], names: set[str]) -> None:
    assert of(made) == names


def test_what_is_no_name_is_no_reference() -> None:
    """Such a document is refused when its adapter is built; here it only must not fail."""
    assert of(litellm(litellm_model="bedrock/x", aws_session_token_secret_name=7)) == set()
