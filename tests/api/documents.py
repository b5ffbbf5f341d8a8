"""Model documents that lead to the simulators, in the fields that operators write."""

from collections.abc import Mapping
from typing import Any

from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator

SECRETS = {"OPENAI_SIMULATOR_KEY": "sk-simulator", "AZURE_SIMULATOR_KEY": "azure-key"}
"""Where the documents' secrets are resolved from: environment variables."""


def document(code: str, provider: str, kind: str, /, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """A document with a price, asked once in a call: a fault that a test plans is what it sees.

    `"routing": {}` makes it one as operators write it, whose failures are asked again.
    """
    return {
        "id": code,
        "code": code,
        "name": f"Test model {code}",
        "provider": provider,
        "model_type": kind,
        "projects": [],
        "private": False,
        "parameters": parameters,
        "costs": {"currency": "USD", "input": 0.00015, "output": 0.0006},
        "operations": ["ChatCompletion", "Responses"],
        "routing": {"retries": 0},
    }


def openai_documents(simulator: OpenAISimulator) -> list[dict[str, Any]]:
    """OpenAI's models, and one whose upstream name differs from its code."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": simulator.base_url}
    return [
        document("gpt-4o-mini", "OpenAI", "OpenAI", **account),
        document("small", "OpenAI", "OpenAI", model="gpt-4.1", **account),
        document("gpt-5-mini", "OpenAI", "OpenAI", **account),
        document("warm", "OpenAI", "OpenAI", model="gpt-4o", temperature=0.25, **account),
        document("missing", "OpenAI", "OpenAI", model="gpt-0", **account),
        document("impatient", "OpenAI", "OpenAI", model="gpt-4o", timeout="1", **account),
    ]


def compatible_documents(simulator: OpenAISimulator) -> list[dict[str, Any]]:
    """An OpenAI-compatible server that takes unknown parameters."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": simulator.base_url}
    return [document("compatible", "OpenAI", "OpenAI", model="gpt-4o", **account)]


def azure_documents(simulator: AzureOpenAISimulator) -> list[dict[str, Any]]:
    """Azure OpenAI: the dated API with new and old versions, and v1."""
    account = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": simulator.url}
    dated = account | {"deployment_name": "chat", "api_version": "2024-10-21"}
    late = dated | {"deployment_name": "chat-late-filter"}
    old = dated | {"api_version": "2024-02-01"}
    return [
        document("azure-dated", "Azure", "AzureOpenAI", **dated),
        document("azure-late-filter", "Azure", "AzureOpenAI", **late),
        document("azure-old", "Azure", "AzureOpenAI", **old),
        document("azure-v1", "Azure", "AzureOpenAI", deployment_name="chat", **account),
    ]


def foundry_documents(simulator: AzureFoundrySimulator) -> list[dict[str, Any]]:
    """Foundry: v1, a reasoning model on v1, and the legacy API."""
    account: Mapping[str, Any] = {"secret_name": "AZURE_SIMULATOR_KEY"}
    v1 = {**account, "endpoint": simulator.url}
    legacy = {**account, "endpoint": simulator.legacy_endpoint, "model": "gpt-4o-mini"}
    return [
        document("foundry-v1", "Azure", "AzureFoundry", model="gpt-4o-mini", **v1),
        document("foundry-deepseek", "Azure", "AzureFoundry", model="DeepSeek-R1", **v1),
        document("foundry-legacy", "Azure", "AzureFoundry", **legacy),
    ]
