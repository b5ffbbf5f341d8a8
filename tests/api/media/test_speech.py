"""Speech through the gateway, as openai-python sees it."""

import json
from pathlib import Path

import openai
import pytest

from tests.api.media.conftest import Stage
from tests.api.raw import connected, post
from tests.simulators.operations.speech import FORMATS, audio

SPOKEN = "The quick brown fox. " * 20
REQUEST = json.dumps({"model": "voice", "input": SPOKEN, "voice": "coral"}).encode()
PATH = b"/v1/audio/speech"


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect=("plain", "usage"))
@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_formats(client: openai.OpenAI, stage: Stage, kind: str) -> None:
    """The bytes are the provider's, in its content type; only the model's name changes."""
    answer = client.audio.speech.create(
        model="old-voice",
        input=SPOKEN,
        voice="coral",
        response_format=kind,  # type: ignore[arg-type]
    )

    assert answer.content == audio(SPOKEN, "coral", kind)
    assert answer.response.headers["content-type"] == FORMATS[kind][0]
    assert answer.response.headers["x-llmproxy-model"] == "old-voice"
    assert stage.first.requests[0].json["model"] == "tts-1"
    [line] = stage.settled()
    assert line["outcome"] == "finished"
    assert line["usage"][11] == len(SPOKEN)
    assert line["usage"][13] is True
    assert line["first_content_s"] is not None


@pytest.mark.conformance(operation="audio/speech", aspect="plain")
@pytest.mark.parametrize("model", ["azure-voice", "azure-voice-v1"])
def test_azure(client: openai.OpenAI, model: str) -> None:
    """Both of Azure's APIs are asked at their own place."""
    answer = client.audio.speech.create(model=model, input=SPOKEN, voice="coral")

    assert answer.content == audio(SPOKEN, "coral", "mp3")


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect="stream")
def test_bytes_come_as_they_are_made(client: openai.OpenAI, stage: Stage, tmp_path: Path) -> None:
    """The first bytes are there long before the last are made."""
    stage.first.fail_next("slow_drip", drip_bytes=20_000, chunk_interval_ms=50)
    with client.audio.speech.with_streaming_response.create(
        model="voice", input=SPOKEN, voice="coral"
    ) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        pieces = answer.iter_bytes(20_000)
        first = next(pieces)
        [record] = stage.first.requests
        assert record.answered_after_ms is None
        (tmp_path / "speech").write_bytes(first + b"".join(pieces))

    assert (tmp_path / "speech").read_bytes() == audio(SPOKEN, "coral", "mp3")


@pytest.mark.asyncio
async def test_the_async_client(async_client: openai.AsyncOpenAI) -> None:
    """It gets the same bytes."""
    answer = await async_client.audio.speech.create(model="voice", input=SPOKEN, voice="coral")

    assert answer.content == audio(SPOKEN, "coral", "mp3")


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect=("stream", "usage"))
def test_events(client: openai.OpenAI, stage: Stage) -> None:
    """Typed events pass untouched; their last one says the tokens."""
    with client.audio.speech.with_streaming_response.create(
        model="voice", input=SPOKEN, voice="coral", stream_format="sse"
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[5:]) for line in answer.iter_lines() if line]

    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    done = events[-1]
    assert done["type"] == "speech.audio.done"
    [line] = stage.settled()
    assert line["usage"][0] == done["usage"]["input_tokens"]
    assert line["usage"][6] == done["usage"]["output_tokens"]
    assert line["usage"][11] == len(SPOKEN)
    assert line["usage"][13] is False


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("fault", ["cut_mid_stream", "reset_mid_stream"])
def test_a_cut_never_looks_complete(client: openai.OpenAI, stage: Stage, fault: str) -> None:
    """After the first byte a failure cuts the connection, on which the SDK raises."""
    stage.first.fail_next(fault, after_events=1, chunk_interval_ms=100)
    got = b""
    with (  # noqa: PT012
        pytest.raises(Exception, match=r"incomplete|peer closed|reset") as raised,
        client.audio.speech.with_streaming_response.create(
            model="voice", input=SPOKEN, voice="coral"
        ) as answer,
    ):
        for piece in answer.iter_bytes():
            got += piece

    assert "Protocol" in type(raised.value).__name__ or isinstance(
        raised.value, openai.APIConnectionError
    )
    assert audio(SPOKEN, "coral", "mp3").startswith(got)


def test_whoever_reads_all_at_once_sees_the_cut_too(client: openai.OpenAI, stage: Stage) -> None:
    """`create` without streaming raises as well."""
    stage.first.fail_next("cut_mid_stream", after_events=1)
    with pytest.raises(openai.APIConnectionError):
        client.audio.speech.create(model="voice", input=SPOKEN, voice="coral")

    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", "upstream_connection_lost")
    assert line["usage"][11] == len(SPOKEN)


@pytest.mark.parametrize(
    "fault", ["reset_before_headers", "close_after_headers", "reset_after_headers", "html"]
)
def test_before_the_first_byte_another_deployment_answers(
    client: openai.OpenAI, stage: Stage, fault: str
) -> None:
    """A failure without content is not the caller's: the next deployment answers."""
    stage.first.fail_next(fault)
    stage.second.fail_next(fault)
    results = []
    for _ in range(2):
        try:
            answer = client.audio.speech.create(model="voice-pair", input=SPOKEN, voice="coral")
            results.append(answer.content == audio(SPOKEN, "coral", "mp3"))
        except openai.InternalServerError as error:
            results.append(error.status_code == 502)

    assert results == [True, True]
    stage.settled(2)


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect="errors")
def test_a_failure_alone_is_a_status(client: openai.OpenAI, stage: Stage) -> None:
    """Without another deployment the failure is a status in OpenAI's envelope."""
    stage.first.fail_next("status", status=503)
    with pytest.raises(openai.InternalServerError) as raised:
        client.audio.speech.create(model="voice", input=SPOKEN, voice="coral")

    assert (raised.value.status_code, raised.value.code) == (502, "upstream_error")


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect="errors")
def test_a_failure_in_events(client: openai.OpenAI, stage: Stage) -> None:
    """A stream of events that is cut ends in an error event."""
    stage.first.fail_next("cut_mid_stream", after_events=3, chunk_interval_ms=5)
    with client.audio.speech.with_streaming_response.create(
        model="voice", input=SPOKEN, voice="coral", stream_format="sse"
    ) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data:")]

    last = json.loads(lines[-1][5:])
    assert (last["type"], last["error"]["code"]) == ("error", "upstream_connection_lost")


@pytest.mark.conformance(operation="audio/speech", provider="OpenAI", aspect="cancel")
def test_who_leaves_ends_the_upstream(stage: Stage) -> None:
    """A client that goes away in the middle cancels the provider's work."""
    stage.first.fail_next("slow_drip", drip_bytes=1000, chunk_interval_ms=20)
    with connected(stage.gateway.url) as wire:
        wire.send(post(REQUEST, path=PATH))
        assert wire.line().startswith(b"HTTP/1.1 200")
    [record] = stage.first.requests
    record.wait_until_over()

    assert record.disconnected_after_ms is not None
    [line] = stage.settled()
    assert line["outcome"] == "aborted"


def test_an_old_client_sees_the_cut(stage: Stage) -> None:
    """HTTP/1.0 has no chunks: the connection is reset instead of closed."""
    stage.first.fail_next("cut_mid_stream", after_events=1)
    request = post(REQUEST, path=PATH).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with connected(stage.gateway.url) as wire:
        wire.send(request)
        with pytest.raises(ConnectionResetError):
            wire.rest()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": "x" * 4097}, "input"),
        ({"speed": 5}, "speed"),
        ({"response_format": "mp4"}, "response_format"),
    ],
)
def test_the_desk(client: openai.OpenAI, stage: Stage, changes: dict, param: str) -> None:  # type: ignore[type-arg]
    """What OpenAI refuses is refused before a provider is asked."""
    fields = {"model": "voice", "input": SPOKEN, "voice": "coral"} | changes
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.speech.create(**fields)

    assert raised.value.param == param
    assert stage.first.requests == []


def test_a_model_without_speech(client: openai.OpenAI) -> None:
    """The refusal names the operation."""
    with pytest.raises(openai.APIStatusError) as raised:
        client.audio.speech.create(model="echo", input=SPOKEN, voice="coral")

    assert raised.value.status_code in {400, 404}
