"""Realtime sessions of the OpenAI and Azure simulators, proven by openai-python."""

import base64
import json

import openai
import pytest
import websockets.exceptions

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.bodies import WEATHER
from tests.simulators.openai import OpenAISimulator

HELLO = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "hello there"}],
}
ANSWER = "Simulated answer to: hello there"


def test_a_text_response(openai_simulator: OpenAISimulator) -> None:
    """The sync client updates, asks, reads every event as its own type, and closes."""
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=HELLO)
        connection.response.create()
        text, kinds, usage = "", [], None
        for event in connection:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done":
                usage = event.response.usage
                break

    assert text == ANSWER
    assert kinds[:4] == [
        "session.created",
        "session.updated",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (2, 5)
    [record] = openai_simulator.requests
    record.wait_until_over()
    assert record.query == (("model", "gpt-realtime"),)
    assert (record.heard.frames, record.heard.closed) == (3, (1000, ""))


@pytest.mark.asyncio
async def test_audio_in_and_out(openai_simulator: OpenAISimulator) -> None:
    """The async client sends audio, has it transcribed, and hears audio with its transcript."""
    async with (
        openai.AsyncOpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        wanted = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
        await connection.session.update(session={"type": "realtime", "audio": wanted})
        audio = base64.b64encode(bytes(48_000)).decode()
        await connection.input_audio_buffer.append(audio=audio)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        heard, seen = 0, {}
        async for event in connection:
            seen[event.type] = event
            if event.type == "response.output_audio.delta":
                heard += len(base64.b64decode(event.delta))
            if event.type == "response.done":
                break

    assert heard == 4 * 4_800
    transcribed = seen["conversation.item.input_audio_transcription.completed"]
    assert transcribed.usage.input_tokens == 10
    usage = seen["response.done"].response.usage
    assert usage.input_token_details.audio_tokens == 10
    assert usage.output_token_details.audio_tokens == 8


def test_functions_are_called(openai_simulator: OpenAISimulator) -> None:
    """A function whose name is said is called, and its result is told."""
    asked = {"type": "input_text", "text": "get_weather please"}
    tool = {"type": "function", **WEATHER["function"]}
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "tools": [tool]}
        )
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [asked]}
        )
        connection.response.create()
        events = _all_until_done(connection)
        [call] = events[-1].response.output
        connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "22 degrees"}
        )
        connection.response.create()
        [told] = _all_until_done(connection)[-1].response.output

    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == call.arguments
    assert json.loads(call.arguments) == {"city": "example city", "unit": "celsius"}
    assert (call.type, call.name) == ("function_call", "get_weather")
    assert told.content[0].text == "Simulated answer to: 22 degrees"


def _all_until_done(connection):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    seen = []
    for event in connection:
        seen.append(event)
        if event.type == "response.done":
            break
    return seen


def test_errors_are_events(openai_simulator: OpenAISimulator) -> None:
    """What makes no sense is an error event; the session goes on."""
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.send({"type": "no.such.event"})  # type: ignore[arg-type]
        connection.session.update(session={"type": "realtime", "model": "gpt-4o"})
        connection.recv()
        errors = [connection.recv(), connection.recv()]

    assert [error.error.code for error in errors] == [  # type: ignore[union-attr]
        "invalid_value",
        "session_cannot_update_model",
    ]


@pytest.mark.parametrize(("key", "model"), [("wrong", "gpt-realtime"), ("sk-simulator", "gpt-4o")])
def test_refusals(openai_simulator: OpenAISimulator, key: str, model: str) -> None:
    """A wrong key or model is refused before the switch."""
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key=key) as client,
        pytest.raises(websockets.exceptions.InvalidStatus) as caught,
        client.realtime.connect(model=model),
    ):
        pass

    assert caught.value.response.status_code == (401 if key == "wrong" else 404)


@pytest.mark.parametrize("kind", ["cut_mid_stream", "reset_mid_stream", "close_frame"])
def test_faults(openai_simulator: OpenAISimulator, kind: str) -> None:
    """A session can be cut, reset, and closed with any code and reason."""
    openai_simulator.fail_next(kind, after_events=1, status=4001, reason="because")
    with (
        openai.OpenAI(base_url=openai_simulator.base_url, api_key="sk-simulator") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.conversation.item.create(item=HELLO)
        assert connection.recv().type == "session.created"
        with pytest.raises(websockets.exceptions.ConnectionClosedError) as caught:
            connection.recv()

    received = caught.value.rcvd
    said = None if received is None else (received.code, received.reason)
    assert said == ((4001, "because") if kind == "close_frame" else None)


@pytest.mark.asyncio
async def test_azure(azure_simulator: AzureOpenAISimulator) -> None:
    """The stock client reaches a deployment over v1 with the resource's key."""
    async with (
        openai.AsyncOpenAI(base_url=azure_simulator.base_url, api_key="azure-key") as client,
        client.realtime.connect(model="voice") as connection,
    ):
        await connection.conversation.item.create(item=HELLO)
        await connection.response.create(response={"output_modalities": ["text"]})
        texts = [
            event.text
            async for event in _until_done(connection)
            if event.type.endswith("text.done")
        ]

    assert texts == [ANSWER]
    [record] = azure_simulator.requests
    assert record.path == "/openai/v1/realtime"


async def _until_done(connection):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    async for event in connection:
        yield event
        if event.type == "response.done":
            return
