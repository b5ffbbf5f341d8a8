"""A gateway before several simulated providers that share one model."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests import exposition
from tests.api.asking import ask, within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running
from tests.simulators.simulator import Simulator

ADMIN_KEY = "sk-admin-of-the-routing-tests-0123456789"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Stage:
    """Providers by name: deployments `NAME` of the model `m`, or of others."""

    gateway: Gateway
    providers: Mapping[str, Simulator]
    folder: Path

    def client(self, *, timeout: float) -> openai.OpenAI:
        """The official SDK, its own retries off."""
        return openai.OpenAI(
            base_url=self.gateway.base_url, api_key=ADMIN_KEY, max_retries=0, timeout=timeout
        )

    def chat(self, model: str = "m", *, stream: bool = False, **options: Any) -> str:  # noqa: ANN401
        """The deployment that answered. Raises what the SDK raises."""
        timeout = options.pop("timeout", 60.0)
        with self.client(timeout=timeout) as client:
            messages: Any = [{"role": "user", "content": "hi"}]
            making = client.chat.completions.with_raw_response.create(
                model=model, messages=messages, stream=stream, **options
            )
            answer = making.parse()
            if stream:
                words = [each.choices[0].delta.content for each in answer if each.choices]
                assert "".join(filter(None, words))
            else:
                assert answer.choices[0].message.content
            return making.headers["x-llmproxy-deployment"]

    def served(self, calls: int, model: str = "m", **options: Any) -> Counter[str]:  # noqa: ANN401
        """How many of so many calls each deployment has answered."""
        return Counter(self.chat(model, **options) for _ in range(calls))

    def seen(self) -> dict[str, int]:
        """How many requests each provider has got."""
        return {name: len(each.requests) for name, each in self.providers.items()}

    def conditions(self) -> dict[str, dict[str, Any]]:
        """What administrators see of each deployment."""
        key = {"authorization": f"Bearer {ADMIN_KEY}"}
        answer = ask(self.gateway.url, "/admin/routing", headers=key)
        assert answer.status == 200, answer.body
        return {each["deployment"]: each for each in answer.json["data"]}

    def explained(self, model: str = "m") -> dict[str, Any]:
        """What would become of a request for a model."""
        key = {"authorization": f"Bearer {ADMIN_KEY}"}
        body = {"body": {"model": model, "messages": [{"role": "user", "content": "hi"}]}}
        answer = ask(self.gateway.url, "/admin/explain", method="POST", headers=key, body=body)
        assert answer.status == 200, answer.body
        shown: dict[str, Any] = answer.json
        return shown

    def figures(self) -> dict[str, float]:
        """The metrics of routing."""
        key = {"authorization": f"Bearer {ADMIN_KEY}"}
        text = ask(self.gateway.url, "/metrics", headers=key).body.decode()
        return exposition.figures(text, "llmproxy_routing_")

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The rows of the ledger in the order of the calls, once there are so many."""
        store = self.folder / "data" / "llmproxy.sqlite3"

        def found() -> list[dict[str, Any]]:
            with closing(sqlite3.connect(store)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute("SELECT * FROM usage ORDER BY at")]

        assert within(PATIENCE_S, lambda: len(found()) >= count)
        rows = found()
        assert len(rows) == count
        return rows


def of(simulator: Simulator, id_: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A document `id_` of the model `m`, unless `code` says another, before this provider."""
    code = fields.pop("code", "m")
    if isinstance(simulator, AzureOpenAISimulator):
        account = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": simulator.url}
        made = document(
            code,
            "Azure",
            "AzureOpenAI",
            deployment_name="chat",
            api_version="2024-10-21",
            **account,
        )
    else:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": f"{simulator.url}/v1"}
        made = document(code, "OpenAI", "OpenAI", model="gpt-4o-mini", **account)
    return made | {"id": id_, "routing": {}} | fields


Fields = Mapping[str, Mapping[str, Any]]


@contextmanager
def staged(
    folder: Path,
    deployments: Fields,
    settings: Mapping[str, str] | None = None,
    providers: Mapping[str, Simulator] | None = None,
) -> Iterator[Stage]:
    """Serve these documents, each with a provider of its own; `azure-…` is one of Azure's."""
    with ExitStack() as stack:
        made: dict[str, Simulator] = dict(providers or {})
        for name in deployments:
            if name not in made:
                azure = name.startswith("azure")
                made[name] = stack.enter_context(
                    running(AzureOpenAISimulator() if azure else OpenAISimulator())
                )
        documents = [of(made[name], name, **fields) for name, fields in deployments.items()]
        environment = {**SECRETS, "LLMPROXY_ADMIN_KEY": ADMIN_KEY, **(settings or {})}
        gateway = stack.enter_context(serving(folder, documents, environment))
        yield Stage(gateway, made, folder)
