"""Where Vertex AI is called."""

import pytest

from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.vertex.places import publisher_model, vertex_root


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
    ],
)
def test_hosts(location: str, host: str) -> None:
    """Every kind of location has a host of its own."""
    root = vertex_root(Parameters(gcp_project="p-1", location=location))
    assert root == f"https://{host}/v1/projects/p-1/locations/{location}"


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/v1beta1/", "http://127.0.0.1:9/v1beta1"),
        ("https://psc.example/vertex", "https://psc.example/vertex/v1"),
    ],
)
def test_an_endpoint_replaces_the_host(endpoint: str, root: str) -> None:
    """Project and location stay in the path; a version that is named stays too."""
    parameters = Parameters(gcp_project="p", location="us", endpoint=endpoint)
    assert vertex_root(parameters) == f"{root}/projects/p/locations/us"


@pytest.mark.parametrize(
    ("project", "location", "field"),
    [
        (None, "us", "gcp_project"),
        ("p", None, "location"),
        ("p", "evil.example/", "location"),
        ("p", "US", "location"),
        ("p", "us\n", "location"),
    ],
)
def test_is_incomplete(project: str | None, location: str | None, field: str) -> None:
    """A location becomes part of a host that a token goes to: it is checked here once more."""
    with pytest.raises(Incomplete, match=field):
        vertex_root(Parameters(gcp_project=project, location=location))


@pytest.mark.parametrize(
    "name", ["m@1", "google/m@1", "models/m@1", "publishers/google/models/m@1", "google/models/m@1"]
)
def test_a_publisher_is_named_once(name: str) -> None:
    """Whatever of the path an operator wrote stands there once."""
    assert publisher_model(name, "google") == "publishers/google/models/m@1"
