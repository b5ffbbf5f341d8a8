"""Parts of Anthropic requests that several tests send, and a client for what no SDK would send."""

import http.client
import json
from typing import Any

from tests.simulators.simulator import Simulator

Json = dict[str, Any]

HELLO: list[Any] = [{"role": "user", "content": "hello there"}]
MODEL = "claude-opus-4-5"
BODY: Json = {"model": MODEL, "max_tokens": 50, "messages": HELLO}

WEATHER: Json = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}
CLOCK: Json = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def post(
    simulator: Simulator,
    body: object,
    *,
    path: str = "/v1/messages",
    version: str | None = "2023-06-01",
    **headers: str,
) -> tuple[int, Json, dict[str, str]]:
    """Status, decoded body and headers (in lower case) of a request; `_` in a header is `-`."""
    sent = {"content-type": "application/json", "x-api-key": "sk-ant-simulator"}
    if version is not None:
        sent["anthropic-version"] = version
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
    try:
        connection.request("POST", path, data, sent)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(answer.read()), told
    finally:
        connection.close()


def refusal(simulator: Simulator, version: str = "2023-06-01", **changed: Any) -> str:  # noqa: ANN401
    """What is said of BODY with these changes; a field of None is left out."""
    body = {name: value for name, value in (BODY | changed).items() if value is not None}
    status, told, _ = post(simulator, body, version=version)
    assert (status, told.get("error", {}).get("type")) == (400, "invalid_request_error"), told
    return str(told["error"]["message"])
