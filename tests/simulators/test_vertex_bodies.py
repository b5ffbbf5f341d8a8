"""Which bodies the Vertex AI simulator refuses, in Google's words; no SDK would send them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.gemini.client import path_of
from tests.simulators.runner import running
from tests.simulators.vertex import VertexSimulator

FLASH = "gemini-2.5-flash"
USER = {"role": "user", "parts": [{"text": "hello there"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
TOLD = {"functionResponse": {"name": "f", "response": {"output": "x"}}}


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def _config(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {"generationConfig": settings}


def _blob(**fields: str) -> dict[str, Any]:
    return {"inlineData": {"data": "AA==", **fields}}


@pytest.fixture(scope="module", name="simulator")
def _simulator() -> Iterator[VertexSimulator]:
    with running(VertexSimulator()) as simulator:
        yield simulator


def _post(simulator: VertexSimulator, body: object, model: str = FLASH) -> httpx.Response:
    return httpx.post(
        f"{simulator.url}{path_of(model, 'generateContent')}",
        json=body,
        headers={"authorization": "Bearer vertex-token"},
    )


def _message(answer: httpx.Response) -> str:
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    return str(error["message"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"foo": 1}, 'Unknown name "foo": Cannot find field.'),
        (
            _config(topLogprobs=1),
            "Unknown name \"topLogprobs\" at 'generation_config': Cannot find field.",
        ),
        (
            _user({"text": "x", "type": "text"}),
            "Unknown name \"type\" at 'contents[0].parts[0]': Cannot find field.",
        ),
        (
            _config(temperature="hot"),
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
        ),
        (
            _config(maxOutputTokens=1.5),
            "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5",
        ),
        (
            _config(responseModalities=["SMELL"]),
            "Invalid value at 'generation_config.response_modalities[0]' (type.googleapis.com/",
        ),
        (
            _user({"text": "x", "functionCall": {"name": "f"}}),
            "oneof field 'data' is already set. Cannot set 'functionCall'",
        ),
        (
            _user({"text": "x", "thoughtSignature": "not base64!"}),
            "Invalid value at 'contents[0].parts[0].thought_signature' (TYPE_BYTES), Base64 decod",
        ),
        ({"contents": []}, "at least one contents field is required"),
        (_user(), "at least one parts field"),
        (_user({}), "required one_of 'data' must have one initialized field"),
        (_user({"text": ""}), "empty text parameter"),
        ({"contents": [USER, {"role": "assistant", "parts": [{"text": "x"}]}]}, "a valid role"),
        (_user(_blob()), "empty mimeType parameter in inlineData"),
        (
            _user(_blob(mimeType="image/tiff")),
            "mimeType parameter with value image/tiff, which is not supported",
        ),
        (_config(temperature=3), "temperature value of 3.0 but the supported range is from 0 "),
        (_config(maxOutputTokens=65_537), "from 1 (inclusive) to 65537 (exclusive)"),
        (_config(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level"),
        (_config(thinkingConfig={"thinkingBudget": 99_999}), "out of range"),
        (_config(responseModalities=["IMAGE"]), "response modalities (IMAGE)"),
        (_config(logprobs=2), "logprobs needs responseLogprobs"),
        (_config(responseSchema={"type": "STRING"}), "needs the response_mime_type"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "is set without function_declarations",
        ),
    ],
)
def test_refuses_what_does_not_fit(
    simulator: VertexSimulator, change: dict[str, Any], words: str
) -> None:
    """Unknown names, wrong kinds, and what the model server checks are 400 in Google's words."""
    assert words in _message(_post(simulator, {"contents": [USER]} | change))


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ([USER, CALL, USER], "number of function response parts is equal"),
        ([USER, CALL, {"role": "user", "parts": [TOLD, TOLD]}], "number of function response"),
        (
            [USER, CALL, {"role": "user", "parts": [TOLD, {"text": "x"}]}],
            "number of function response parts is equal",
        ),
        ([USER, {"role": "user", "parts": [TOLD]}], "immediately after a function call turn"),
        ([CALL, {"role": "user", "parts": [TOLD]}], "immediately after a user turn"),
        ([USER, CALL], "immediately after a function call turn"),
    ],
)
def test_pairs_calls_and_responses(
    simulator: VertexSimulator, contents: list[Any], words: str
) -> None:
    """Calls and responses come in pairs and in turn."""
    assert words in _message(_post(simulator, {"contents": contents}))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"type": "OBJECT", "$schema": "x"}, 'Unknown name "$schema" at'),
        (
            {"type": "OBJECT", "properties": {"a": {"type": ["STRING", "NULL"]}}},
            "parameters.properties[0].value': Proto field is not repeating, cannot start list.",
        ),
        ({"type": "STRING"}, "schema should be of type OBJECT"),
        ({"type": "OBJECT", "properties": {"a": {}}}, "didn't specify the schema type field"),
        ({"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}, "items: missing field"),
        (
            {"type": "OBJECT", "properties": {"a": {"type": "STRING", "enum": [""]}}},
            "enum[0]: cannot be empty",
        ),
        ({"type": "OBJECT", "required": ["a"]}, "required[0]: property is not defined"),
    ],
)
def test_refuses_schemas(
    simulator: VertexSimulator, parameters: dict[str, Any], words: str
) -> None:
    """A function's parameters are a proto's schema, not any JSON schema."""
    tools = [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]
    assert words in _message(_post(simulator, {"contents": [USER], "tools": tools}))


def test_takes_any_spelling(simulator: VertexSimulator) -> None:
    """Names may be in camelCase or snake_case, types in lower case, and null is nothing."""
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = {
        "contents": [USER],
        "generation_config": {"maxOutputTokens": 9, "top_p": None},
        "tools": [{"function_declarations": [{"name": "f", "parameters": parameters}]}],
    }
    [part] = _post(simulator, body).json()["candidates"][0]["content"]["parts"]

    assert part["functionCall"] == {"name": "f", "args": {"a": "example a"}}


def test_newer_models_refuse_more(simulator: VertexSimulator) -> None:
    """Gemini 3 refuses to go on from its own turn and to give several candidates; 2.5 refuses tools
    beside JSON.
    """
    own = {"contents": [USER, {"role": "model", "parts": [{"text": "x"}]}]}
    several = {"contents": [USER], "generationConfig": {"candidateCount": 2}}
    both = {
        "contents": [USER],
        "generationConfig": {"responseMimeType": "application/json"},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    three = "gemini-3-flash-preview"

    assert "ending with a model turn" in _message(_post(simulator, own, three))
    assert "Multiple candidates" in _message(_post(simulator, several, three))
    assert "response mime type: 'application/json'" in _message(_post(simulator, both))
    assert [_post(simulator, body).status_code for body in (own, several)] == [200, 200]
    assert _post(simulator, both, three).status_code == 200
