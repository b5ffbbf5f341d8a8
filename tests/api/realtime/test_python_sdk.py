"""Realtime sessions through the gateway, as openai-python holds them."""

import base64
import time
from typing import Any

import openai
import pytest
import websockets.exceptions
from openai.resources.realtime.realtime import RealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.api.realtime.ledger import Ledger

HELLO = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "hello there"}],
}
ANSWER = "Simulated answer to: hello there"
TEXT = {"type": "realtime", "output_modalities": ["text"]}
Refusal = tuple[dict[str, Any], int, str]


@pytest.mark.conformance(operation="realtime", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", ["talker", "gpt-realtime"])
def test_a_text_response(
    client: openai.OpenAI, upstreams: Upstreams, ledger: Ledger, model: str
) -> None:
    """The sync client updates, asks, reads every event, and closes; all is accounted."""
    with client.realtime.connect(model=model) as connection:
        connection.session.update(session={**TEXT, "model": model})
        connection.conversation.item.create(item=HELLO)
        connection.response.create()
        seen = _until_done(connection)

    assert "".join(e.delta for e in seen if e.type == "response.output_text.delta") == ANSWER
    assert [e.type for e in seen[:2]] == ["session.created", "session.updated"]
    [record] = upstreams.openai.requests
    record.wait_until_over()
    assert record.query == (("model", "gpt-realtime"),)
    assert record.header("authorization") == "Bearer sk-simulator"
    assert record.header("sec-websocket-protocol") is None
    assert record.heard.closed == (1000, "")
    first, last = ledger.settled()
    assert first["usage"][:6] == [2, 0, 0, 5, 0, 0]
    assert first["cost_nano"] == 2 * 4_000 + 5 * 16_000
    assert (first["outcome"], last["outcome"]) == ("finished", "finished")
    assert last["request_id"] == f"{first['request_id']}.2"
    assert last["cost_nano"] == 0


@pytest.mark.conformance(operation="realtime", aspect="stream")
@pytest.mark.parametrize("model", ["azure", "azure-dated", "foundry"])
@pytest.mark.asyncio
async def test_azure(async_client: openai.AsyncOpenAI, upstreams: Upstreams, model: str) -> None:
    """The async client talks to a deployment over Azure's v1, with the resource's key."""
    async with async_client.realtime.connect(model=model) as connection:
        await connection.session.update(session=TEXT)
        await connection.conversation.item.create(item=HELLO)
        await connection.response.create()
        async for seen in connection:
            if seen.type == "response.output_text.done":
                assert seen.text == ANSWER
                break

    [record] = upstreams.azure.requests
    assert record.path == "/openai/v1/realtime"
    assert record.query == (("model", "voice"),)
    assert record.header("api-key") == "azure-key"
    assert record.header("authorization") is None


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect=("stream", "usage"))
def test_audio_and_its_price(client: openai.OpenAI, ledger: Ledger) -> None:
    """Audio in, transcribed, and out: each kind of token is journalled at its own price."""
    wanted = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    with client.realtime.connect(model="talker") as connection:
        connection.session.update(session={"type": "realtime", "audio": wanted})
        audio = base64.b64encode(bytes(48_000)).decode()
        connection.input_audio_buffer.append(audio=audio)
        connection.input_audio_buffer.commit()
        connection.response.create()
        seen = _until_done(connection)
        connection.response.create()
        _until_done(connection)

    heard = [base64.b64decode(e.delta) for e in seen if e.type == "response.output_audio.delta"]
    assert sum(map(len, heard)) == 4 * 4_800
    transcribed, first, second, rest = ledger.settled()
    assert transcribed["usage"][:7] == [0, 0, 0, 2, 0, 10, 0]
    assert first["usage"][:7] == [0, 0, 0, 4, 0, 10, 8]
    assert first["cost_nano"] == 4 * 16_000 + 10 * 32_000 + 8 * 64_000
    assert second["usage"][:2] == [0, 10]
    assert rest["cost_nano"] == 0


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="usage")
def test_transcription_only(client: openai.OpenAI, upstreams: Upstreams, ledger: Ledger) -> None:
    """`intent=transcription` reaches the provider without a model; the gateway needs one."""
    extra = {"intent": "transcription", "model": "talker"}
    with client.realtime.connect(extra_query=extra) as connection:
        wanted = {"input": {"transcription": {"model": "whisper-1"}}}
        connection.session.update(session={"type": "transcription", "audio": wanted})
        audio = base64.b64encode(bytes(48_000)).decode()
        connection.input_audio_buffer.append(audio=audio)
        connection.input_audio_buffer.commit()
        while connection.recv().type != "conversation.item.input_audio_transcription.completed":
            pass

    [record] = upstreams.openai.requests
    assert record.query == (("intent", "transcription"),)
    assert ledger.settled()[0]["usage"][12] == 1000


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"model": "nothing"}, 404, "model_not_found"),
        ({"model": "chatty"}, 400, "operation_not_supported"),
        ({"model": "unpriced"}, 402, "price_missing"),
        ({"model": "missing"}, 502, "upstream_misconfigured"),
        ({}, 400, "missing_required_parameter"),
        ({"intent": "transcription"}, 400, "missing_required_parameter"),
        ({"model": "talker", "intent": "other"}, 400, "invalid_value"),
        ({"model": "talker", "color": "red"}, 400, "unknown_parameter"),
        ({"model": "talker", "call_id": "rtc_1"}, 400, "unsupported_parameter"),
    ],
)
def test_refusals(client: openai.OpenAI, query: dict[str, str], status: int, code: str) -> None:
    """Before the switch a refusal is an HTTP answer in OpenAI's envelope."""
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as caught,
        client.realtime.connect(extra_query=query),
    ):
        pass

    response = caught.value.response
    assert response.status_code == status
    assert f'"code":"{code}"'.encode() in bytes(response.body or b"")
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    "refusal",
    [
        ({"kind": "status", "status": 401}, 502, "upstream_credentials"),
        (
            {"kind": "status", "status": 429, "headers": {"retry-after": "7"}},
            429,
            "rate_limit_exceeded",
        ),
        ({"kind": "status", "status": 500}, 502, "upstream_error"),
        ({"kind": "reset_before_headers"}, 502, "upstream_connection_lost"),
        ({"kind": "garbage"}, 502, "upstream_error"),
    ],
)
def test_the_provider_refuses(
    client: openai.OpenAI, upstreams: Upstreams, ledger: Ledger, refusal: Refusal
) -> None:
    """A handshake that the provider refuses or breaks off is a failure as of any call."""
    fault, status, code = refusal
    upstreams.openai.fail_next(**fault)
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as caught,
        client.realtime.connect(model="talker"),
    ):
        pass

    response = caught.value.response
    assert response.status_code == status
    assert f'"code":"{code}"'.encode() in bytes(response.body or b"")
    assert response.headers.get("retry-after") == ("7" if status == 429 else None)
    [line] = ledger.settled()
    assert (line["outcome"], line["error"], line["cost_nano"]) == ("failed", code, 0)


def test_access_lines(client: openai.OpenAI, gateway: Gateway) -> None:
    """A session leaves one access line, with the status of its switch."""
    with client.realtime.connect(model="talker") as connection:
        connection.recv()
    until = time.monotonic() + 10
    while " 101 GET /v1/realtime talker " not in gateway.log:
        assert time.monotonic() < until, gateway.log
        time.sleep(0.01)


def _until_done(connection: RealtimeConnection) -> list[RealtimeServerEvent]:
    seen = []
    for each in connection:
        seen.append(each)
        if each.type == "response.done":
            return seen
    raise AssertionError("the session ended before the response was done")
