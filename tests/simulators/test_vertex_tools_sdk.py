"""The Vertex AI simulator's function calls and thought signatures, proven by google-genai."""

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.simulators.gemini.client import CLOCK, WEATHER, client_of, response_of, tools_of
from tests.simulators.runner import running
from tests.simulators.vertex import VertexSimulator

FLASH = "gemini-2.5-flash"
THREE = "gemini-3-pro-preview"
HELLO = "hello there"
SAID = "Simulated answer to: hello there"


@pytest.fixture(name="client")
def _client() -> Iterator[genai.Client]:
    with running(VertexSimulator()) as simulator, client_of(simulator) as client:
        yield client


@pytest.mark.parametrize("model", [FLASH, THREE])
@pytest.mark.parametrize("stream", [False, True])
def test_callstools_of(client: genai.Client, model: str, stream: bool) -> None:  # noqa: FBT001
    """Named tools are called in parallel, the first with a signature, and the answer to them is
    taken with it.
    """
    asked = types.Content(role="user", parts=[types.Part(text="get_weather and get_time")])
    config = types.GenerateContentConfig(tools=tools_of(WEATHER, CLOCK))
    if stream:
        chunks = list(
            client.models.generate_content_stream(model=model, contents=[asked], config=config)
        )
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
        assert chunks[-1].candidates[0].finish_reason == "STOP"
    else:
        answer = client.models.generate_content(model=model, contents=[asked], config=config)
        parts = answer.candidates[0].content.parts
        assert answer.candidates[0].finish_reason == "STOP"
    calls = [part for part in parts if part.function_call]
    assert [part.function_call.name for part in calls] == ["get_weather", "get_time"]
    assert calls[0].function_call.args == {"city": "example city", "unit": "celsius"}
    assert [bool(part.thought_signature) for part in calls] == [True, False]
    assert all(bool(part.function_call.id) is (model == THREE) for part in calls)

    told = [response_of("get_weather", "sunny"), response_of("get_time", "noon")]
    history = [
        asked,
        types.Content(role="model", parts=calls),
        types.Content(role="user", parts=told),
    ]
    after = client.models.generate_content(model=model, contents=history, config=config)
    assert after.text == "The tool said: noon"


@pytest.mark.parametrize(
    ("dummy", "accepted"),
    [
        (b"skip_thought_signature_validator", True),
        (b"context_engineering_is_the_way_to_go", True),
        (b"made up", False),
        (None, False),
    ],
)
def test_wants_its_signature_back(
    client: genai.Client,
    dummy: bytes | None,
    accepted: bool,  # noqa: FBT001
) -> None:
    """Gemini 3 refuses a call of this turn without the signature; a documented dummy will do."""
    call = types.FunctionCall(name="get_weather", args={"city": "Rome"})
    history = [
        types.Content(role="user", parts=[types.Part(text="the weather?")]),
        types.Content(
            role="model", parts=[types.Part(function_call=call, thought_signature=dummy)]
        ),
        types.Content(role="user", parts=[response_of("get_weather", "sunny")]),
    ]
    if accepted:
        answer = client.models.generate_content(model=THREE, contents=history)
        assert answer.text == "The tool said: sunny"
        return
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model=THREE, contents=history)
    assert refused.value.status == "INVALID_ARGUMENT"
    words = (
        "function call `default_api:get_weather` in the 2. content block is missing a "
        "`thought_signature`"
        if dummy is None
        else "Thought signature is not valid"
    )
    assert words in str(refused.value.message)


def test_forgives_older_turns_and_models(client: genai.Client) -> None:
    """A call of a turn that is over needs no signature, nor does any for Gemini 2.5."""
    call = types.FunctionCall(name="get_weather", args={})
    history: list[Any] = [
        types.Content(role="user", parts=[types.Part(text="the weather?")]),
        types.Content(role="model", parts=[types.Part(function_call=call)]),
        types.Content(role="user", parts=[response_of("get_weather", "sunny")]),
    ]
    assert client.models.generate_content(model=FLASH, contents=history).text
    over = [
        *history,
        types.Content(role="model", parts=[types.Part(text="It is sunny.")]),
        types.Content(role="user", parts=[types.Part(text=HELLO)]),
    ]
    assert client.models.generate_content(model=THREE, contents=over).text == SAID


@pytest.mark.parametrize(
    ("mode", "allowed", "called"),
    [
        ("AUTO", None, ["get_weather"]),
        ("ANY", ["get_time"], ["get_time"]),
        ("VALIDATED", None, ["get_weather"]),
        ("NONE", None, []),
    ],
)
def test_obeys_the_tool_config(
    client: genai.Client, mode: str, allowed: list[str] | None, called: list[str]
) -> None:
    """AUTO, ANY with names, VALIDATED and NONE choose."""
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=allowed)
    config = types.GenerateContentConfig(
        tools=tools_of(WEATHER, CLOCK),
        tool_config=types.ToolConfig(function_calling_config=calling),
    )
    answer = client.models.generate_content(model=FLASH, contents=HELLO, config=config)

    assert [call.name for call in answer.function_calls or []] == called


def test_calls_python_functions(client: genai.Client) -> None:
    """The SDK's own loop calls a function and brings back what it said, signatures included."""
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "sunny"

    answer = client.models.generate_content(
        model=THREE, contents=HELLO, config={"tools": [get_weather]}
    )

    assert answer.text == "The tool said: sunny"
    assert asked == ["example city"]
