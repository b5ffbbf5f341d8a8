"""A server with keys before a simulated OpenAI, as all integrations meet it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.asking import ask, bearer, within
from tests.api.documented import output
from tests.api.documents import SECRETS, document, openai_documents
from tests.api.gateway import Gateway, run, serving
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

CHAT, EMBEDDER, BUSY, ECHO = "gpt-4o-mini", "text-embedding-3-small", "gpt-5-mini", "echo"
FOLLOWS_S = 30.0
WINDOW_S = 62
"""After so long a minute's limit surely has room again: it slides in steps of 2 s."""
_ECHO = {
    "id": ECHO,
    "name": "Echo",
    "provider": "Local",
    "model_type": "Echo",
    "projects": [],
    "private": False,
    "parameters": {},
    "costs": {},
    "free": True,
    "operations": ["ChatCompletion", "embeddings"],
}


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, its provider, a key, and one whose project may ask once a minute at `limited`."""

    gateway: Gateway
    openai: OpenAISimulator
    key: str

    def limited_key(self) -> str:
        """A key that may make one call a minute. Of its own for each test: it is used up."""
        limit = ("--project", "limited", "--limit", "requests_per_minute=1")
        key = run(self.gateway.environment, "keys", "create", *limit).strip()
        # The server follows its store within 5 s; listing the models is not counted.
        assert within(
            FOLLOWS_S,
            lambda: ask(self.gateway.url, "/v1/models", headers=bearer(key)).status == 200,
        )
        return key

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process gets: the address, the key, and nothing of a developer's."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        address = {"GATEWAY_BASE_URL": self.gateway.base_url, "LLMPROXY_API_KEY": self.key}
        return kept | address | {"NO_PROXY": "127.0.0.1,localhost"}


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Serve until the block ends."""
    with running(OpenAISimulator()) as openai:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": openai.base_url}
        embedder = document(EMBEDDER, "OpenAI", "OpenAI", **account)
        documents = [
            *openai_documents(openai),
            embedder
            | {"operations": ["embeddings"], "costs": {"currency": "USD", "input": 0.00002}},
            _ECHO,
        ]
        data = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(folder / "data")}
        key = run(data, "keys", "create", "--project", "research").strip()
        with serving(folder, documents, SECRETS) as gateway:
            yield Stage(gateway, openai, key)


def reported(words: Sequence[str], environment: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Run a program to its end; its report, which is JSON and its last line."""
    return json.loads(output(words, environment).splitlines()[-1])
