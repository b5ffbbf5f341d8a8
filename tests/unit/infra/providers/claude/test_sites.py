"""Where Claude is called, with which key, and how the model is named there."""

import pytest

from llmproxy.infra.providers.claude.generation import generation_of
from llmproxy.infra.providers.claude.sites import SITES, is_claude_on_foundry
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.transport.target import target
from tests.unit.infra.providers.claude.asking import HELLO, chat, model, sent

ROOTS = [
    "https://a.example",
    "https://a.example/",
    "https://a.example/v1",
    "https://a.example/v1/messages",
]


@pytest.mark.parametrize("endpoint", ROOTS)
def test_anthropic(endpoint: str) -> None:
    """Any spelling of the endpoint leads to /v1/messages, with key and version."""
    made, body = sent(chat("anthropic/claude-sonnet-5", endpoint=endpoint), HELLO)
    assert made.target.head.startswith(b"POST /v1/messages HTTP/1.1\r\nhost: a.example\r\n")
    assert b"x-api-key: sk-1\r\n" in made.target.head
    assert b"anthropic-version: 2023-06-01\r\n" in made.target.head
    assert b"authorization" not in made.target.head
    assert body["model"] == "claude-sonnet-5"


@pytest.mark.parametrize(
    "path", ["", "/anthropic", "/anthropic/v1/messages", "/openai/v1", "/models"]
)
def test_foundry(path: str) -> None:
    """A resource is called under /anthropic, whatever its endpoint was copied from."""
    endpoint = f"https://r.services.ai.azure.com{path}"
    made, body = sent(
        chat("claude-opus-5", "AzureFoundry", endpoint=endpoint, deployment_name="mine"), HELLO
    )
    assert made.target.head.startswith(b"POST /anthropic/v1/messages HTTP/1.1\r\n")
    assert b"x-api-key: sk-1\r\napi-key: sk-1\r\n" in made.target.head
    assert body["model"] == "mine"


NAMES = [
    "claude-x@1",
    "anthropic/claude-x@1",
    "models/claude-x@1",
    "publishers/anthropic/models/claude-x@1",
]


@pytest.mark.parametrize("name", NAMES)
def test_vertex(name: str) -> None:
    """The publisher is named once, a stream has a verb of its own, and no key is sent."""
    translation = chat(name, "GoogleVertexClaude")
    path = b"/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-x@1"
    plain, body = sent(translation, HELLO)
    assert plain.target.head.startswith(b"POST " + path + b":rawPredict HTTP/1.1\r\n")
    streamed, _ = sent(translation, {**HELLO, "stream": True})
    assert streamed.target.head.startswith(b"POST " + path + b":streamRawPredict HTTP/1.1\r\n")
    assert plain.target.origin.host == "us-east5-aiplatform.googleapis.com"
    assert b"sk-1" not in plain.target.head
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"


@pytest.mark.parametrize(
    ("model_type", "changes", "field"),
    [
        ("Anthropic", {"endpoint": None}, "secret_name"),
        ("AzureFoundry", {"endpoint": None}, "endpoint"),
        ("AzureFoundry", {}, "secret_name"),
        ("GoogleVertexClaude", {"gcp_project": None}, "gcp_project"),
        ("GoogleVertexClaude", {"location": None}, "location"),
        ("GoogleVertexClaude", {"location": "evil.example/"}, "location"),
    ],
)
def test_is_incomplete(model_type: str, changes: dict[str, str | None], field: str) -> None:
    """A document that lacks something is not ready, and the words name the field."""
    with pytest.raises(Incomplete, match=field):
        SITES[model_type](target, model("claude-opus-5", model_type, **changes), None)


def test_a_server_of_ones_own_needs_no_key() -> None:
    """An endpoint that is not Anthropic's may do without."""
    site = SITES["Anthropic"](target, model("claude-opus-5"), None)
    assert b"x-api-key" not in site.plain.head


@pytest.mark.parametrize(
    ("name", "endpoint", "claude"),
    [
        ("gpt-5", "https://r.example/anthropic", True),
        ("claude-opus-5", "https://r.example", True),
        ("gpt-5", "https://r.example/openai/v1", False),
    ],
)
def test_which_of_foundry(name: str, endpoint: str, claude: bool) -> None:  # noqa: FBT001
    """Claude is told by the endpoint or by the name."""
    assert is_claude_on_foundry(model(name, "AzureFoundry", endpoint=endpoint)) is claude
    assert not is_claude_on_foundry(model(name))


@pytest.mark.parametrize(
    ("name", "adaptive", "always", "bound"),
    [
        ("claude-3-haiku-20240307", False, False, 4_096),
        ("claude-3-5-sonnet-20241022", False, False, 8_192),
        ("claude-3-7-sonnet@20250219", False, False, 16_384),
        ("claude-sonnet-4-20250514", False, False, 16_384),
        ("anthropic.claude-opus-4-1-20250805-v1:0", False, False, 16_384),
        ("claude-haiku-4-5@20251001", False, False, 16_384),
        ("claude-opus-4-6", True, False, 16_384),
        ("claude-haiku-5-5", True, False, 16_384),
        ("claude-sonnet-5-5", True, True, 16_384),
        ("claude-mythos-preview", True, True, 16_384),
        ("my-deployment", True, False, 16_384),
    ],
)
def test_generation(name: str, *, adaptive: bool, always: bool, bound: int) -> None:
    """A name tells the generation; one that does not is taken for the newest."""
    told = generation_of(model(name))
    assert (told.adaptive, told.always_thinks, told.default_max_tokens) == (adaptive, always, bound)


def test_the_document_tells_the_generation_of_a_deployment() -> None:
    """`base_model` names the model behind a deployment that may be called anything."""
    told = generation_of(model("mine", extra={"base_model": "claude-haiku-4-5"}))
    assert not told.adaptive
