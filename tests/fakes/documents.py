"""Model documents for tests."""

from typing import Any


def document(**changes: object) -> dict[str, Any]:
    """Return a good document without a warning; a change of None removes the field."""
    good = {
        "id": "gpt-mini",
        "code": "mini",
        "name": "GPT mini",
        "provider": "OpenAI",
        "model_type": "OpenAI",
        "projects": [],
        "private": False,
        "parameters": {"model": "gpt-5-mini"},
        "costs": {"input": 0.001, "output": 0.002},
        "operations": ["ChatCompletion"],
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def azure_document(**parameters: object) -> dict[str, Any]:
    """Return a good Azure OpenAI document; a parameter of None is left out."""
    given = {
        "secret_name": "AZURE_OPENAI_API_KEY",
        "deployment_name": "gpt-4-deployment",
        "api_version": "2024-02-01",
        "endpoint": "https://example.openai.azure.com/",
    } | parameters
    return document(
        provider="Azure",
        model_type="AzureOpenAI",
        parameters={name: value for name, value in given.items() if value is not None},
    )


def google_document(**parameters: object) -> dict[str, Any]:
    """Return a good Vertex AI document; a parameter of None is left out."""
    given = {
        "secret_name": "SP-BRIDGE-4852-DEV",
        "gcp_project": "my-project",
        "location": "us-central1",
    } | parameters
    return document(
        provider="Google",
        model_type="GoogleVertexDeepSeek",
        parameters={name: value for name, value in given.items() if value is not None},
    )
