"""Transcripts and translations of Google's models, through the official SDK."""

import io
import json
from typing import Any

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.simulators.google_audio.recognition import text_of
from tests.simulators.google_audio.sounds import wav
from tests.simulators.operations.transcriptions import transcript

SOUND = wav(bytes(48_000 * 2), rate_hz=24_000)
LONG_SOUND = wav(bytes(61 * 48_000), rate_hz=24_000)
EARS = ("google-gemini-2.5-flash", "google-chirp_2", "google-chirp_3")
pytestmark = pytest.mark.conformance(provider="GoogleVertex")


def _sent(stage: Stage) -> list[dict[str, Any]]:
    requests = (*stage.simulators["vertex"].requests, *stage.simulators["google-speech"].requests)
    return [json.loads(each.body) for each in requests]


def _file(data: bytes = SOUND) -> tuple[str, io.BytesIO]:
    return "speech.wav", io.BytesIO(data)


@pytest.mark.conformance(operation="audio/transcriptions", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", EARS)
def test_a_transcript(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """What was said, and what it took: tokens or seconds."""
    answer = client.audio.transcriptions.create(model=model, file=_file())
    assert answer.text == transcript(SOUND)
    [line] = stage.settled()
    # Of the others seconds are said, and they are priced by tokens.
    assert (line["outcome"], line["usage"][-1]) == ("finished", model != EARS[0])
    assert answer.usage is not None
    if model == EARS[0]:
        assert answer.usage.type == "tokens"
        assert line["usage"][5] > 0
    else:
        assert answer.usage.type == "duration"
        assert answer.usage.seconds == 2
        assert line["usage"][12] == 2000
    text: Any = client.audio.transcriptions.create(
        model=model, file=_file(), response_format="text"
    )
    assert text == f"{transcript(SOUND)}\n"


@pytest.mark.conformance(operation="audio/transcriptions", aspect="stream")
@pytest.mark.parametrize("model", EARS)
def test_a_transcript_in_events(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The SDK reads them as events."""
    events = list(client.audio.transcriptions.create(model=model, file=_file(), stream=True))
    assert [each.type for each in events] == ["transcript.text.delta", "transcript.text.done"]
    done: Any = events[-1]
    assert done.text == transcript(SOUND)
    stage.settled()


@pytest.mark.conformance(operation="audio/transcriptions", aspect="plain")
def test_times_of_words(client: openai.OpenAI, stage: Stage) -> None:
    """Segments and words have times, and so do subtitles."""
    answer = client.audio.transcriptions.create(
        model="google-chirp_2",
        file=_file(),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
    )
    said = text_of(SOUND)
    assert (answer.text, answer.language, answer.duration) == (said, "en-us", 2.0)
    assert answer.words is not None
    assert [each.word for each in answer.words] == said.split()
    assert answer.words[0].start == 0.0
    assert answer.words[-1].end == 2.0
    assert answer.segments is not None
    [segment] = answer.segments
    assert (segment.start, segment.end, segment.text) == (0.0, 2.0, said)
    srt: Any = client.audio.transcriptions.create(
        model="google-chirp_2", file=_file(), response_format="srt"
    )
    vtt: Any = client.audio.transcriptions.create(
        model="google-chirp_2", file=_file(), response_format="vtt"
    )
    assert srt == f"1\n00:00:00,000 --> 00:00:02,000\n{said}\n\n"
    assert vtt == f"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{said}\n\n"
    assert [each["config"]["languageCodes"] for each in _sent(stage)] == [
        ["en-US"],
        ["auto"],
        ["auto"],
    ]


@pytest.mark.conformance(operation="audio/translations", aspect=("plain", "usage"))
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_translation(client: openai.OpenAI, stage: Stage) -> None:
    """Into English: by a prompt, or by the field for it."""
    by_prompt = client.audio.translations.create(model=EARS[0], file=_file())
    by_field = client.audio.translations.create(model=EARS[1], file=_file())
    assert by_prompt.text == transcript(SOUND)
    assert by_field.text == text_of(SOUND, into="en-US")
    prompted, told = _sent(stage)
    assert "into English" in prompted["contents"][0]["parts"][0]["text"]
    assert told["config"]["translationConfig"] == {"targetLanguage": "en-US"}
    # Of the second seconds are said, and it is priced by tokens.
    assert [line["usage"][-1] for line in stage.settled(2)] == [False, True]


@pytest.mark.conformance(operation="audio/transcriptions", aspect="errors")
@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        (EARS[0], {"response_format": "srt"}, "response_format"),
        (EARS[0], {"response_format": "verbose_json"}, "response_format"),
        (EARS[0], {"include": ["logprobs"]}, "include"),
        (EARS[0], {"file": ("a.txt", b"no sound")}, "file"),
        (EARS[1], {"prompt": "names"}, "prompt"),
        (EARS[1], {"temperature": 0.5}, "temperature"),
        (EARS[1], {"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        (EARS[1], {"response_format": "srt", "stream": True}, "response_format"),
        ("google-long", {}, "language"),
    ],
)
def test_transcripts_that_cannot_be(
    client: openai.OpenAI, stage: Stage, model: str, fields: dict[str, Any], param: str
) -> None:
    """A 400 names the field, and nothing is sent."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(**{"model": model, "file": _file(), **fields})
    assert caught.value.param == param
    assert _sent(stage) == []


@pytest.mark.conformance(operation="audio/transcriptions", aspect="errors")
def test_recordings_that_are_too_long(client: openai.OpenAI, stage: Stage) -> None:
    """A WAV file says how long it is; others are judged by their size, or by the provider."""
    for data in (LONG_SOUND, b"OggS" + bytes(10 * 1024 * 1024)):
        with pytest.raises(openai.BadRequestError) as caught:
            client.audio.transcriptions.create(model=EARS[1], file=_file(data))
        assert (caught.value.code, caught.value.param) == ("audio_too_long", "file")
    large = b"OggS" + bytes(15 * 1024 * 1024)
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model=EARS[0], file=_file(large))
    assert caught.value.code == "audio_too_long"
    assert _sent(stage) == []


@pytest.mark.conformance(operation="audio/transcriptions", aspect="plain")
def test_a_document_that_drops(client: openai.OpenAI) -> None:
    """With `drop_unsupported` what cannot be done is named and left out."""
    raw = client.audio.transcriptions.with_raw_response.create(
        model="google-lenient-ear", file=_file(), include=["logprobs"]
    )
    assert raw.headers["x-llmproxy-dropped"] == "include"
    parsed: Any = raw.parse()
    assert parsed.text == transcript(SOUND)


@pytest.mark.conformance(operation="audio/transcriptions", aspect="errors")
def test_a_prompt_that_the_filter_stops(client: openai.OpenAI, stage: Stage) -> None:
    """It is a refusal that says so."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(
            model=EARS[0], file=_file(), prompt="trigger the prompt filter"
        )
    assert caught.value.code == "content_filter"
    [line] = stage.settled()
    assert (line["outcome"], line["cost_nano"]) == ("refused", 0)


@pytest.mark.conformance(operation="audio/translations", aspect="errors")
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_what_cannot_translate(client: openai.OpenAI) -> None:
    """Only chirp_2 can of the models of Cloud Speech-to-Text."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.translations.create(model=EARS[2], file=_file())
    assert caught.value.code == "operation_not_supported"
