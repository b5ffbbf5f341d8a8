"""A server with keys before three vendors and Google's token endpoint."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.api.asking import Answer, ask, bearer, within
from tests.api.documents import document
from tests.api.gateway import Gateway, run, serving
from tests.api.traces import journal
from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.vertex import VertexSimulator

ADMIN_KEY = "an-admin-key-of-the-environment-0123456789"
OPENAI_KEY = "sk-simulator-of-openai-0123456789"
ANTHROPIC_KEY = "sk-ant-simulator-0123456789"
TAKES_EFFECT_S = 5.0
MODELS = ["pair", "small", "claude", "gemini", "mixed"]


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, its simulators, and a key of the project `alpha`."""

    gateway: Gateway
    vendors: dict[str, OpenAISimulator | AnthropicSimulator | VertexSimulator]
    tokens: TokenSimulator
    alpha: str
    alpha_id: str

    def explain(self, asked: object, key: str | None = ADMIN_KEY) -> Answer:
        """POST /admin/explain."""
        headers = {} if key is None else bearer(key)
        return ask(self.gateway.url, "/admin/explain", method="POST", headers=headers, body=asked)

    def send(self, body: object, endpoint: str = "/v1/chat/completions") -> Answer:
        """Send the request itself, with the project's key."""
        headers = bearer(self.alpha)
        return ask(self.gateway.url, endpoint, method="POST", headers=headers, body=body)

    def traces(self) -> tuple[bytes, list[int], int]:
        """The journal, how many requests each vendor got, and how many tokens were asked for."""
        seen = [len(each.requests) for each in self.vendors.values()]
        return journal(self.gateway), seen, len(self.tokens.requests)


def _knows(url: str, key: str) -> bool:
    return ask(url, "/v1/models", headers=bearer(key)).status == 200


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        tokens = stack.enter_context(running(TokenSimulator(always="vertex-token")))
        at_openai = stack.enter_context(running(OpenAISimulator(api_key=OPENAI_KEY)))
        anthropic = stack.enter_context(running(AnthropicSimulator(api_key=ANTHROPIC_KEY)))
        vertex = stack.enter_context(running(VertexSimulator()))
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": at_openai.base_url}
        claude = {
            "secret_name": "ANTHROPIC_SIMULATOR_KEY",
            "endpoint": anthropic.url,
            "model": "claude-opus-4-5",
        }
        google = {
            "secret_name": "GOOGLE-ACCOUNT",
            "gcp_project": "simulated",
            "location": "us-central1",
            "endpoint": vertex.url,
            "model": "gemini-2.5-flash",
        }
        pair = document("pair", "OpenAI", "OpenAI", model="gpt-4o", **account)
        documents = [
            pair | {"id": "pair-a"},
            pair | {"id": "pair-b"},
            document("small", "OpenAI", "OpenAI", model="gpt-4.1", temperature=0.25, **account),
            document("claude", "Anthropic", "Anthropic", **claude),
            document("gemini", "Google", "GoogleVertex", **google),
            document("mixed", "Anthropic", "Anthropic", **claude) | {"id": "mixed-claude"},
            document("mixed", "OpenAI", "OpenAI", model="gpt-4o", **account) | {"id": "mixed-gpt"},
            document("plan", "Local", "Echo") | {"private": True, "projects": ["alpha"]},
            document("unready", "OpenAI", "OpenAI", secret_name="NO_SUCH_SECRET"),
        ]
        settings = {
            "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
            "OPENAI_SIMULATOR_KEY": OPENAI_KEY,
            "ANTHROPIC_SIMULATOR_KEY": ANTHROPIC_KEY,
            "GOOGLE-ACCOUNT": json.dumps(tokens.service_account_info()),
        }
        folder = tmp_path_factory.mktemp("explain")
        gateway = stack.enter_context(serving(folder, documents, settings))
        alpha = run(gateway.environment, "keys", "create", "--project", "alpha").strip()
        [key] = json.loads(run(gateway.environment, "keys", "list", "--json"))
        assert within(TAKES_EFFECT_S, lambda: _knows(gateway.url, alpha))
        vendors = {"openai": at_openai, "anthropic": anthropic, "vertex": vertex}
        yield Stage(gateway, vendors, tokens, alpha, key["id"])


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    for vendor in whole_stage.vendors.values():
        vendor.reset()
    yield whole_stage
    whole_stage.gateway.check()
