"""Google's own client, pointed at a simulator, and what several tests send."""

from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from tests.simulators.vertex import VertexSimulator

PROJECT = "simulated"
LOCATION = "us-central1"
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "city": {"type": "STRING"},
            "unit": {"type": "STRING", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "unit"],
    },
}
CLOCK: dict[str, Any] = {
    "name": "get_time",
    "parametersJsonSchema": {"type": "object", "properties": {"zone": {"type": "string"}}},
}


def client_of(
    simulator: VertexSimulator,
    token: str = "vertex-token",  # noqa: S107 - not a secret
    **options: Any,  # noqa: ANN401 - the fields of HttpOptions
) -> genai.Client:
    """A client that retries nothing. `options` are those of `HttpOptions`."""
    return genai.Client(
        vertexai=True,
        project=PROJECT,
        location=LOCATION,
        credentials=Credentials(token),
        http_options=types.HttpOptions(base_url=simulator.url, **options),
    )


def tools_of(*functions: dict[str, Any]) -> list[types.Tool]:
    """The functions as tools."""
    return [types.Tool.model_validate({"functionDeclarations": list(functions)})]


def response_of(name: str, told: str) -> types.Part:
    """What a function answered."""
    made = types.FunctionResponse(name=name, response={"output": told})
    return types.Part(function_response=made)


def path_of(model: str, method: str, version: str = "v1") -> str:
    """The path of a method."""
    where = f"projects/{PROJECT}/locations/{LOCATION}/publishers/google/models"
    return f"/{version}/{where}/{model}:{method}"
