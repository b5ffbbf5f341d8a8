"""A realtime session with every provider, as openai-python holds it: the same for each."""

import asyncio
import contextlib
import json
from typing import Any

import openai
import pytest
import websockets.exceptions
from openai.resources.realtime.realtime import RealtimeConnection

from tests.api.asking import within
from tests.api.conftest import Upstreams
from tests.api.realtime.ledger import Ledger
from tests.simulators.bodies import WEATHER
from tests.simulators.simulator import Simulator

PATIENCE_S = 30.0
MODELS = pytest.mark.parametrize("model", ["talker", "azure", "azure-dated", "foundry"])
TEXT: dict[str, Any] = {"type": "realtime", "output_modalities": ["text"]}
TOOL = {"type": "function", **WEATHER["function"]}


def _upstream(upstreams: Upstreams, model: str) -> Simulator:
    return upstreams.openai if model == "talker" else upstreams.azure


def _item(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


def _until_done(connection: RealtimeConnection) -> list[Any]:
    seen: list[Any] = []
    for event in connection:
        seen.append(event)
        if event.type in {"response.done", "error"}:
            break
    return seen


@pytest.mark.conformance(operation="realtime", aspect=("stream", "usage"))
@MODELS
def test_a_response(client: openai.OpenAI, ledger: Ledger, model: str) -> None:
    """Its words come one by one, and what it used is reported and charged."""
    with client.realtime.connect(model=model) as connection:
        connection.session.update(session=TEXT)
        connection.conversation.item.create(item=_item("hello there"))
        connection.response.create()
        seen = _until_done(connection)

    words = [event.delta for event in seen if event.type == "response.output_text.delta"]
    assert words == ["Simulated", " answer", " to:", " hello", " there"]
    usage = seen[-1].response.usage
    assert (usage.input_tokens, usage.output_tokens) == (2, 5)
    first, last = ledger.settled()
    assert first["usage"][:6] == [2, 0, 0, 5, 0, 0]
    assert first["cost_nano"] == 2 * 4_000 + 5 * 16_000
    assert last["cost_nano"] == 0


@pytest.mark.conformance(operation="realtime", aspect="tools")
@MODELS
def test_tools(client: openai.OpenAI, model: str) -> None:
    """A function is called in events, and its result is told."""
    with client.realtime.connect(model=model) as connection:
        connection.session.update(session={**TEXT, "tools": [TOOL]})
        connection.conversation.item.create(item=_item("get_weather please"))
        connection.response.create()
        seen = _until_done(connection)
        [call] = seen[-1].response.output
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "22 degrees"}
        connection.conversation.item.create(item=result)
        connection.response.create()
        [told] = _until_done(connection)[-1].response.output

    deltas = [e.delta for e in seen if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == call.arguments
    assert json.loads(call.arguments) == {"city": "example city", "unit": "celsius"}
    assert told.content[0].text == "Simulated answer to: 22 degrees"


@pytest.mark.conformance(operation="realtime", aspect="errors")
@MODELS
@pytest.mark.parametrize(
    ("status", "seen"), [(401, (502, "upstream_credentials")), (503, (502, "upstream_error"))]
)
def test_refused_handshakes(
    client: openai.OpenAI, upstreams: Upstreams, model: str, status: int, seen: tuple[int, str]
) -> None:
    """What the provider says instead of switching is told as of any call."""
    _upstream(upstreams, model).fail_next("status", status=status, times=None)
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as refused,
        client.realtime.connect(model=model),
    ):
        pass

    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["error"]["code"]) == seen


@pytest.mark.conformance(operation="realtime", aspect="errors")
@MODELS
def test_errors_are_events(client: openai.OpenAI, model: str) -> None:
    """An event that makes no sense is told as one, and the session goes on."""
    with client.realtime.connect(model=model) as connection:
        connection.send({"type": "no.such.event"})  # type: ignore[arg-type]
        told = _until_done(connection)[-1]
        connection.response.create()
        done = _until_done(connection)[-1]

    assert (told.error.code, told.error.param) == ("invalid_value", "type")
    assert done.type == "response.done"


@pytest.mark.conformance(operation="realtime", aspect="errors")
@MODELS
def test_a_session_that_breaks(
    client: openai.OpenAI, upstreams: Upstreams, ledger: Ledger, model: str
) -> None:
    """What the provider cuts off ends in an error event and the code 1011."""
    _upstream(upstreams, model).fail_next("cut_mid_stream", after_events=4)
    with client.realtime.connect(model=model) as connection:
        connection.response.create()
        told = _until_done(connection)[-1]
        with pytest.raises(websockets.exceptions.ConnectionClosedError) as closed:
            connection.recv()

    assert told.error.code == "upstream_error"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    [line] = ledger.settled()
    assert (line["outcome"], line["error"]) == ("failed", "upstream_error")


@pytest.mark.conformance(operation="realtime", aspect="cancel")
@MODELS
@pytest.mark.parametrize("fault", ["hang_before_headers", "hang_mid_stream"])
@pytest.mark.asyncio
async def test_who_leaves(
    async_client: openai.AsyncOpenAI, upstreams: Upstreams, ledger: Ledger, model: str, fault: str
) -> None:
    """A task that is cancelled, at the handshake or in a response, ends the provider's session."""
    upstream = _upstream(upstreams, model)
    upstream.fail_next(fault, after_events=5)
    answered = asyncio.Event()
    talking = asyncio.ensure_future(_talk(async_client, model, answered))
    if fault == "hang_mid_stream":
        await asyncio.wait_for(answered.wait(), PATIENCE_S)
    assert await asyncio.to_thread(within, PATIENCE_S, lambda: bool(upstream.requests))
    [record] = upstream.requests
    talking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await talking

    await asyncio.to_thread(record.wait_until_over, PATIENCE_S)
    assert record.disconnected_after_ms is not None
    assert ledger.settled()[0]["outcome"] == "aborted"


async def _talk(client: openai.AsyncOpenAI, model: str, answered: asyncio.Event) -> None:
    async with client.realtime.connect(model=model) as connection:
        await connection.response.create()
        async for event in connection:
            if event.type.endswith(".delta"):
                answered.set()
