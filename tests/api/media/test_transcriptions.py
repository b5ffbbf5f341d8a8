"""Transcriptions and translations through the gateway, as openai-python sees them."""

import io
import re
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.media.conftest import Stage
from tests.simulators.operations.transcriptions import SECONDS, transcript
from tests.simulators.recording import RecordedRequest

SOUND = b"ID3" + bytes(range(256)) * 40
LARGE = b"ID3" + bytes(range(256)) * 12_000
"""Some 3 MB: more than is kept in memory."""


def sent_by(stage: Stage, **fields: Any) -> bytes:  # noqa: ANN401
    """What the SDK sends for this request, with its boundary as a `B`."""
    direct = openai.OpenAI(base_url=stage.second.base_url, api_key="sk-simulator", max_retries=0)
    with direct:
        direct.audio.transcriptions.create(**fields)
    return canonical(stage.second.requests[-1])


def canonical(record: RecordedRequest) -> bytes:
    """The body with its boundary as a `B`."""
    found = re.search("boundary=(.+)", record.header("content-type") or "")
    assert found
    return record.body.replace(found[1].encode(), b"B")


@pytest.mark.conformance(operation="audio/transcriptions", aspect="plain")
@pytest.mark.parametrize("model", ["scribe", "whisper", "azure-scribe", "azure-scribe-v1"])
@pytest.mark.parametrize("sound", [SOUND, LARGE], ids=["small", "large"])
def test_plain(client: openai.OpenAI, model: str, sound: bytes) -> None:
    """The text is that of the whole file, whichever provider hears it."""
    said = client.audio.transcriptions.create(model=model, file=("a.mp3", sound))

    assert said.text == transcript(sound)


@pytest.mark.parametrize("sound", [SOUND, LARGE], ids=["small", "large"])
def test_only_the_model_changes(client: openai.OpenAI, stage: Stage, sound: bytes) -> None:
    """The provider gets the very bytes of the client, but for the name of the model."""
    fields: dict[str, Any] = {
        "file": ('ä "quoted".mp3', sound, "audio/mpeg"),
        "prompt": "Grüße, 你好\r\nsecond line",
        "temperature": 0.25,
        "timestamp_granularities": ["word", "segment"],
    }
    client.audio.transcriptions.create(model="scribe", **fields)
    expected = sent_by(stage, model="gpt-4o-transcribe", **fields)

    [record] = stage.first.requests
    assert canonical(record) == expected
    assert record.header("content-length") == str(len(record.body))
    assert record.header("authorization") == "Bearer sk-simulator"


def test_files_in_every_form(client: openai.OpenAI, tmp_path: Path) -> None:
    """A path, bytes, a handle and a tuple are the same to the gateway."""
    path = tmp_path / "a.mp3"
    path.write_bytes(LARGE)
    with path.open("rb") as handle:
        for file in (path, LARGE, handle, ("b.mp3", LARGE), ("c.mp3", io.BytesIO(LARGE), "a/b")):
            said = client.audio.transcriptions.create(model="scribe", file=file)
            assert said.text == transcript(LARGE)


@pytest.mark.asyncio
async def test_the_async_client(async_client: openai.AsyncOpenAI) -> None:
    """It gets the same, streamed too."""
    said = await async_client.audio.transcriptions.create(model="scribe", file=("a.mp3", LARGE))
    stream = await async_client.audio.transcriptions.create(
        model="scribe", file=("a.mp3", LARGE), stream=True
    )
    events = [event async for event in stream]

    assert said.text == transcript(LARGE)
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == transcript(LARGE)


@pytest.mark.parametrize("kind", ["text", "srt", "vtt"])
def test_plain_formats(client: openai.OpenAI, stage: Stage, kind: str) -> None:
    """They pass with the provider's content type; their usage is an estimate."""
    answer = client.audio.transcriptions.with_raw_response.create(
        model="whisper",
        file=("a.mp3", SOUND),
        response_format=kind,  # type: ignore[call-overload]
    )

    assert transcript(SOUND) in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    [line] = stage.settled()
    assert line["usage"][12] == round(len(SOUND) / 8)
    assert line["usage"][13] is True


@pytest.mark.conformance(operation="audio/transcriptions", provider="OpenAI", aspect="usage")
def test_usage(client: openai.OpenAI, stage: Stage) -> None:
    """Tokens, seconds and durations are read from the answer.

    What seconds cost at a price of tokens is an estimate.
    """
    file = ("a.mp3", SOUND)
    client.audio.transcriptions.create(model="scribe", file=file)
    client.audio.transcriptions.create(model="whisper", file=file)
    client.audio.transcriptions.create(model="whisper", file=file, response_format="verbose_json")
    tokens, seconds, duration = stage.settled(3)

    assert (tokens["usage"][5], tokens["usage"][13]) == (45, False)
    for line in (seconds, duration):
        assert (line["usage"][12], line["usage"][13]) == (SECONDS * 1000, True)
        assert line["outcome"] == "finished"


@pytest.mark.conformance(operation="audio/transcriptions", provider="OpenAI", aspect="stream")
def test_events(client: openai.OpenAI, stage: Stage) -> None:
    """Typed events pass in order; usage is read from the last."""
    events = list(
        client.audio.transcriptions.create(model="scribe", file=("a.mp3", SOUND), stream=True)
    )

    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == transcript(SOUND)
    [line] = stage.settled()
    assert (line["usage"][5], line["usage"][13]) == (45, False)


def test_a_model_that_does_not_stream(client: openai.OpenAI, stage: Stage) -> None:
    """whisper-1 answers in one piece although it is asked for events: so does the gateway."""
    with client.audio.transcriptions.with_streaming_response.create(
        model="whisper", file=("a.mp3", SOUND), stream=True
    ) as answer:
        assert answer.headers["content-type"] == "application/json"
        assert transcript(SOUND).encode() in answer.read()

    [line] = stage.settled()
    assert (line["usage"][12], line["usage"][13]) == (SECONDS * 1000, True)


@pytest.mark.conformance(operation="audio/transcriptions", provider="OpenAI", aspect="errors")
def test_a_stream_that_breaks(client: openai.OpenAI, stage: Stage) -> None:
    """It ends in an error event, on which the SDK raises."""
    stage.first.fail_next("cut_mid_stream", after_events=3, chunk_interval_ms=5)
    with pytest.raises(openai.APIError) as raised:
        list(client.audio.transcriptions.create(model="scribe", file=("a.mp3", SOUND), stream=True))

    assert raised.value.code == "upstream_connection_lost"


@pytest.mark.conformance(operation="audio/translations", provider="OpenAI", aspect="plain")
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_translations(client: openai.OpenAI, stage: Stage) -> None:
    """Translations have their own path and no events."""
    said = client.audio.translations.create(model="whisper", file=("a.mp3", LARGE))

    assert said.text == transcript(LARGE)
    assert stage.first.requests[0].path == "/v1/audio/translations"


@pytest.mark.parametrize("sound", [SOUND, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "fault", ["reset_before_headers", "close_before_headers", "status", "garbage"]
)
def test_another_deployment_gets_the_same_bytes(
    client: openai.OpenAI, stage: Stage, fault: str, sound: bytes
) -> None:
    """An upload can be sent again: it is read again from where it is kept."""
    for simulator in (stage.first, stage.second):
        simulator.fail_next(fault)
    results = []
    for _ in range(3):
        try:
            said = client.audio.transcriptions.create(model="scribe-pair", file=("a.mp3", sound))
            results.append(said.text == transcript(sound))
        except openai.InternalServerError:
            results.append(True)

    assert results == [True, True, True]
    bodies = {canonical(each) for each in (*stage.first.requests, *stage.second.requests)}
    assert len(bodies) == 1
    stage.settled(3)


@pytest.mark.conformance(operation="audio/transcriptions", provider="OpenAI", aspect="errors")
def test_the_providers_refusal(client: openai.OpenAI) -> None:
    """The provider's words pass."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.transcriptions.create(
            model="scribe", file=("a.mp3", SOUND), extra_body={"odd": "1"}
        )

    assert (raised.value.param, raised.value.code) == ("odd", "unknown_parameter")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"temperature": 1.5}, "temperature", "decimal_above_max_value"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"model": ""}, "model", "empty_string"),
    ],
)
def test_the_desk(
    client: openai.OpenAI, stage: Stage, fields: dict[str, Any], param: str, code: str
) -> None:
    """What is out of bounds is refused by name before a provider is asked."""
    whole = {"model": "scribe", "file": ("a.mp3", SOUND)} | fields
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.transcriptions.create(**whole)

    assert (raised.value.param, raised.value.code) == (param, code)
    assert stage.first.requests == []


def test_a_model_that_speaks_only(client: openai.OpenAI) -> None:
    """An unknown model is a 404 for uploads too."""
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="no-such-model", file=("a.mp3", SOUND))
