"""Reading `parameters`: aliases, references to the environment, defaults, and secrets."""

from typing import Any

import pytest

from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Parameters
from tests.fakes.documents import azure_document, document, google_document


def read(given: dict[str, Any], **environment: str) -> Parameters:
    """Read the parameters of a good document."""
    return parse_model(given, environment=environment).model.parameters


def problems(given: dict[str, Any], **environment: str) -> dict[str, str]:
    """Give what is wrong with the parameters, by field."""
    with pytest.raises(DocumentError) as caught:
        parse_model(given, environment=environment)
    found = {problem.field: problem.message for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a field is complained of twice"
    return {name.removeprefix("parameters."): message for name, message in found.items()}


def warnings(given: dict[str, Any], **environment: str) -> str:
    """Give the warnings of a good document."""
    return "\n".join(parse_model(given, environment=environment).warnings)


def openai(**parameters: object) -> dict[str, Any]:
    """Make an OpenAI document with these parameters."""
    return document(parameters=parameters)


def test_all_parameters_arrive() -> None:
    """Numbers may stand in quotes, as the original's timeout does; unknown ones are kept."""
    parameters = read(
        azure_document(
            model="gpt-4",
            enable_tools=True,
            timeout="300",
            max_output_tokens=4096,
            temperature="0.7",
            max_tokens="150",
            top_p=1,
            frequency_penalty=-2,
            presence_penalty=0.0,
            region={"x": 1},
        )
    )

    assert parameters == Parameters(
        secret_name="AZURE_OPENAI_API_KEY",
        endpoint="https://example.openai.azure.com/",
        model="gpt-4",
        deployment_name="gpt-4-deployment",
        api_version="2024-02-01",
        enable_tools=True,
        timeout_s=300.0,
        max_output_tokens=4096,
        request_defaults={
            "temperature": 0.7,
            "max_tokens": 150,
            "top_p": 1,
            "frequency_penalty": -2,
            "presence_penalty": 0.0,
        },
        extra={"region": {"x": 1}},
    )


@pytest.mark.parametrize(
    ("name", "alias", "value"),
    [
        ("endpoint", "api_base", "https://a.openai.azure.com"),
        ("secret_name", "api_key", "MY_KEY"),
        ("gcp_project", "project_id", "my-project"),
    ],
)
def test_aliases_mean_the_same(name: str, alias: str, value: str) -> None:
    """Either name will do, both when they agree; one null counts as absent."""
    for given in ({alias: value}, {name: value, alias: value}, {name: None, alias: value}):
        parameters = read(document(parameters=given))
        assert getattr(parameters, name) == value
        assert parameters.extra == {}


def test_aliases_that_disagree_are_refused() -> None:
    """Nothing says which of two endpoints is meant."""
    found = problems(openai(endpoint="https://a.openai.com", api_base="https://b.openai.com"))

    assert found == {"api_base": "contradicts parameters.endpoint"}


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("ftp://host", "http"),
        ("host/path", "http"),
        ("https://", "host"),
        ("https://:443", "host"),
        ("https://host:0", "host"),
        ("https://user:pw@host", "credentials"),
        ("https://@host", "credentials"),
        ("https://host/?key=1", "query"),
        ("https://host/#x", "fragment"),
        ("https://host:99999", "URL"),
        ("https://[::1", "URL"),
        ("https://ho st", "ASCII"),
        ("https://höst", "ASCII"),
        ("https://host\\x", "ASCII"),
        (7, "a string"),
    ],
)
def test_an_endpoint_is_a_plain_url(endpoint: object, message: str) -> None:
    """No credentials, query or fragment; the message never repeats the value."""
    found = problems(openai(endpoint=endpoint))

    assert list(found) == ["endpoint"]
    assert message in found["endpoint"]
    assert "pw" not in found["endpoint"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8001/v1",
        "https://a.openai.azure.com/",
        "http://[::1]:80",
        "HTTPS://HOST/A",
    ],
)
def test_good_endpoints(endpoint: str) -> None:
    """They are kept as they are written."""
    assert read(openai(endpoint=endpoint)).endpoint == endpoint


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("timeout", "soon", "a number, not a string"),
        ("timeout", 0, "between"),
        ("timeout", True, "a number, not true or false"),
        ("timeout", "nan", "a number"),
        ("timeout", float("inf"), "a number"),
        ("timeout", 10**400, "between"),
        ("timeout", None, None),
        ("temperature", 2.1, "between"),
        ("top_p", [], "a number, not an array"),
        ("max_tokens", 1.5, "whole"),
        ("max_tokens", 0, "between"),
        ("max_output_tokens", "many", "a number"),
        ("enable_tools", "true", "true or false"),
        ("model", 4, "a string"),
        ("deployment_name", "", "empty"),
        ("api_version", "2024 02", "a version"),
        ("gcp_project", "my project", "the id"),
        ("location", "us central", "lower-case"),
        ("location", "us_central1", "lower-case"),
        ("location", "../x", "lower-case"),
    ],
)
def test_a_wrong_parameter_is_named(field: str, value: object, message: str | None) -> None:
    """One wrong parameter is one problem; null is absent and no problem."""
    given = google_document()
    given["parameters"][field] = value
    if message is None:
        assert read(given).timeout_s is None
        return
    found = problems(given)

    assert list(found) == [field]
    assert message in found[field]


def test_parameters_in_capitals_are_looked_up() -> None:
    """Endpoint, API version, project and location may name a variable; models never do."""
    given = google_document(gcp_project="MY_PROJECT", location="MY-REGION", model="GPT-4")
    parameters = read(given, **{"MY_PROJECT": "p-1", "MY-REGION": "europe-west4", "GPT-4": "no"})

    assert (parameters.gcp_project, parameters.location) == ("p-1", "europe-west4")
    assert parameters.model == "GPT-4"
    assert parameters.unresolved == ()


def test_a_variable_that_is_not_set_leaves_its_name() -> None:
    """The document is good elsewhere, perhaps: it waits, and says for what."""
    given = azure_document(endpoint="MY_ENDPOINT", api_version="MY_VERSION")
    parameters = read(given, MY_VERSION=" ")

    assert (parameters.endpoint, parameters.api_version) == ("MY_ENDPOINT", "MY_VERSION")
    assert set(parameters.unresolved) == {"endpoint", "api_version"}
    assert "parameters.endpoint: the variable MY_ENDPOINT is not set" in warnings(given)


def test_what_a_variable_holds_is_checked_and_not_shown() -> None:
    """A bad value in the environment is as bad as one in the document."""
    found = problems(azure_document(endpoint="MY_ENDPOINT"), MY_ENDPOINT="https://u:secret@h")

    assert found == {"endpoint": "must not hold credentials: name them in secret_name"}


def test_azure_defaults_come_from_the_environment() -> None:
    """Only for what the document leaves out; a document's own value always wins."""
    environment = {
        "AZURE_OPENAI_ENDPOINT": "https://env.openai.azure.com",
        "AZURE_OPENAI_API_VERSION": "2024-10-21",
    }
    bare = read(azure_document(endpoint=None, api_version=None, secret_name=None), **environment)
    own = read(azure_document(), **environment)

    assert bare.endpoint == "https://env.openai.azure.com"
    assert bare.api_version == "2024-10-21"
    assert bare.secret_name == "AZURE_OPENAI_API_KEY"
    assert own.endpoint == "https://example.openai.azure.com/"
    assert own.api_version == "2024-02-01"


def test_foundry_takes_no_api_version_of_azure_openai() -> None:
    """The versions of the two services have nothing in common."""
    given = {**azure_document(api_version=None), "model_type": "AzureFoundry"}

    assert read(given, AZURE_OPENAI_API_VERSION="2024-10-21").api_version is None


def test_an_azure_document_without_any_endpoint_waits() -> None:
    """As the original's smallest example: it is accepted, and not callable yet."""
    given = azure_document(endpoint=None)

    assert read(given).unresolved == ("endpoint",)
    assert "AZURE_OPENAI_ENDPOINT is not set" in warnings(given)


def test_google_needs_a_project_and_a_location() -> None:
    """The project may come from the environment, the location may not."""
    bare = google_document(gcp_project=None)

    assert read(bare, GOOGLE_PROJECT_ID="env-project").gcp_project == "env-project"
    assert read(bare).unresolved == ("gcp_project",)
    assert problems(google_document(location=None)) == {"location": "is required"}


@pytest.mark.parametrize(
    ("given", "secret_name"),
    [
        (openai(), "OPENAI_API_KEY"),
        (openai(endpoint="https://api.openai.com/v1"), "OPENAI_API_KEY"),
        (openai(endpoint="https://eu.api.openai.com/v1"), "OPENAI_API_KEY"),
        (openai(endpoint="http://127.0.0.1:8001/v1"), None),
        (openai(endpoint="https://evilopenai.com/v1"), None),
        (openai(endpoint="https://api.openai.com.evil.example"), None),
        (azure_document(secret_name=None), "AZURE_OPENAI_API_KEY"),
        (azure_document(secret_name=None, endpoint="https://gateway.example"), None),
        (google_document(secret_name=None), None),
    ],
)
def test_a_vendors_key_goes_to_the_vendor_only(
    given: dict[str, Any], secret_name: str | None
) -> None:
    """A document that names no secret gets the usual one, unless its endpoint is a stranger's."""
    assert read(given).secret_name == secret_name


def test_a_keyless_endpoint_is_warned_of() -> None:
    """Meant for a server of one's own, or forgotten: it is said."""
    found = warnings(openai(endpoint="http://127.0.0.1:8001/v1"))

    assert "OPENAI_API_KEY is never sent to a host that is not OpenAI's" in found


@pytest.mark.parametrize("field", ["secret_name", "api_key"])
def test_a_literal_secret_is_refused_and_never_repeated(field: str) -> None:
    """Not in the message, not in the hint, not in the text of the error."""
    secret = "sk-proj-abcdefghijklmnop"
    with pytest.raises(DocumentError) as caught:
        parse_model(openai(**{field: secret}))

    assert caught.value.problems[0].field == f"parameters.{field}"
    assert "looks like a secret" in str(caught.value)
    assert secret not in repr(caught.value.problems) + str(caught.value)


def test_every_field_of_a_secret_holds_its_name() -> None:
    """A literal secret is refused wherever a document names one."""
    with pytest.raises(DocumentError, match="token_secret_name: looks like a secret itself"):
        parse_model(document(parameters={"token_secret_name": "eyJhbGciOiJSUzI1NiJ9"}))
