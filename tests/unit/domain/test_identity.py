"""What a document says of its identity at Entra ID."""

from typing import Any

import pytest

from llmproxy.domain.document import DocumentError, Parsed, parse_model
from llmproxy.domain.identity import DEFAULT_SCOPE, Auth, Identity
from tests.fakes.documents import document

ENDPOINT = "https://r.openai.azure.com"
GUID = "ABCDEF12-1111-2222-3333-444455556666"


def _parsed(environment: dict[str, str] | None = None, **parameters: Any) -> Parsed:  # noqa: ANN401
    made = document(
        provider="Azure", model_type="AzureOpenAI", parameters={"endpoint": ENDPOINT} | parameters
    )
    return parse_model(made, environment=environment or {})


@pytest.mark.parametrize("auth", [None, "api_key", "API_KEY"])
def test_a_key_is_the_default(auth: str | None) -> None:
    """And stays what it was."""
    parameters = _parsed(auth=auth).model.parameters

    assert parameters.identity is None
    assert parameters.secret_name == "AZURE_OPENAI_API_KEY"
    assert parameters.extra == {}


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        ("entra", Auth.ENTRA),
        ("azure_ad", Auth.ENTRA),
        ("Entra", Auth.ENTRA),
        ("managed_identity", Auth.MANAGED_IDENTITY),
        ("workload_identity", Auth.WORKLOAD_IDENTITY),
    ],
)
def test_an_identity_takes_the_place_of_the_key(auth: str, kind: Auth) -> None:
    """Not even the usual variable of the key is looked at."""
    parameters = _parsed(auth=auth).model.parameters

    assert parameters.identity == Identity(kind, DEFAULT_SCOPE)
    assert parameters.secret_name is None


def test_all_of_it() -> None:
    """Ids stand there or in variables; a GUID in capitals is no variable."""
    parsed = _parsed(
        {"MY_TENANT": "t.example"},
        auth="entra",
        tenant_id="MY_TENANT",
        client_id=GUID,
        client_secret_name="SP-BRIDGE-4852-DEV",
        scope="https://ai.azure.com/.default",
    )

    assert parsed.model.parameters.identity == Identity(
        Auth.ENTRA, "https://ai.azure.com/.default", "t.example", GUID, "SP-BRIDGE-4852-DEV"
    )


def test_a_variable_that_is_not_set_waits() -> None:
    """As every other parameter that names one."""
    parsed = _parsed(auth="entra", tenant_id="MY_TENANT")

    assert parsed.model.parameters.unresolved == ("tenant_id",)
    assert any("MY_TENANT is not set" in warning for warning in parsed.warnings)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"auth": "kerberos"}, "parameters.auth: is not known"),
        ({"auth": "entra", "secret_name": "MY_KEY"}, "parameters.secret_name: names an API key"),
        ({"auth": "entra", "api_key": "MY_KEY"}, "parameters.api_key: names an API key"),
        ({"auth": "entra", "scope": "https://ai.azure.com"}, "must end in /.default"),
        ({"auth": "entra", "tenant_id": "a/../b"}, "parameters.tenant_id: must be an id"),
        ({"auth": "entra", "client_id": "a b"}, "parameters.client_id: must be an id"),
        (
            {"auth": "entra", "client_secret_name": "sk-0123456789abcdef"},
            "parameters.client_secret_name: looks like a secret itself",
        ),
    ],
)
def test_what_is_refused(parameters: dict[str, str], words: str) -> None:
    """Each with its field, none with the value."""
    with pytest.raises(DocumentError) as raised:
        _parsed(**parameters)
    assert words in str(raised.value)


def test_an_identity_without_auth_is_probably_forgotten() -> None:
    """It is not used, and the warning says how it would be."""
    parsed = _parsed(client_id=GUID)

    assert parsed.model.parameters.identity is None
    assert any('say "auth": "entra"' in warning for warning in parsed.warnings)


def test_other_providers_have_none() -> None:
    """LiteLLM's documents keep the fields for LiteLLM."""
    made = document(provider="LiteLLM", model_type="LiteLLM", parameters={"tenant_id": "t"})

    parameters = parse_model(made).model.parameters
    assert parameters.identity is None
    assert parameters.extra == {"tenant_id": "t"}
