"""What is refused before anything is sent, and what an answer must not be."""

import json
from typing import Any

import pytest

from llmproxy.domain.errors import Broken, InvalidRequest, Refused, UpstreamError
from llmproxy.domain.operation import Endpoint
from tests.unit.infra.providers.google_media.asking import (
    FakeUpload,
    Json,
    answered,
    call,
    sent,
    translation,
)

SOUND = b"ID3\x04 a sound"
SPEECH: Json = {"input": "Hi.", "voice": "Kore"}
PROMPT: Json = {"prompt": "a cat"}
TEXT: Json = {"input": "a"}


@pytest.mark.parametrize(
    ("endpoint", "name", "body", "param"),
    [
        (Endpoint.EMBEDDINGS, "gemini-embedding-2", {"input": [[1, 2], [3]]}, "input"),
        (Endpoint.EMBEDDINGS, "gemini-embedding-2", {**TEXT, "task_type": 1}, "task_type"),
        (Endpoint.EMBEDDINGS, "gemini-embedding-2", {**TEXT, "auto_truncate": 1}, "auto_truncate"),
        (Endpoint.EMBEDDINGS, "text-embedding-005", {**TEXT, "other": 1}, "other"),
        (Endpoint.IMAGES_GENERATIONS, "imagen-4", {**PROMPT, "size": "1000x999999"}, "size"),
        (Endpoint.IMAGES_GENERATIONS, "imagen-4", {**PROMPT, "size": "big"}, "size"),
        (
            Endpoint.IMAGES_GENERATIONS,
            "gemini-2.5-flash-image",
            {**PROMPT, "size": "4096x4096"},
            "size",
        ),
        (
            Endpoint.IMAGES_GENERATIONS,
            "gemini-2.5-flash-image",
            {**PROMPT, "output_compression": 50},
            "output_compression",
        ),
        (
            Endpoint.IMAGES_GENERATIONS,
            "gemini-2.5-flash-image",
            {**PROMPT, "partial_images": 2},
            "partial_images",
        ),
        (
            Endpoint.IMAGES_EDITS,
            "gemini-2.5-flash-image",
            {**PROMPT, "images": [{"image_url": "https://a.example/b.png"}]},
            "images[0].image_url",
        ),
        (
            Endpoint.IMAGES_EDITS,
            "gemini-2.5-flash-image",
            {**PROMPT, "images": [{"file_id": "file-1"}]},
            "images[0]",
        ),
        (
            Endpoint.IMAGES_EDITS,
            "gemini-2.5-flash-image",
            {**PROMPT, "images": [{"image_url": "data:image/png;base64,AA"}] * 17},
            "image",
        ),
        (Endpoint.AUDIO_SPEECH, "gemini-2.5-flash-tts", {**SPEECH, "voice": "x"}, "voice"),
        (Endpoint.AUDIO_SPEECH, "neural2", {**SPEECH, "voice": "alloy"}, "voice"),
        (Endpoint.AUDIO_SPEECH, "neural2", {**SPEECH, "voice": "en-US-Studio-O"}, "voice"),
    ],
)
def test_bodies(endpoint: Endpoint, name: str, body: Json, param: str) -> None:
    """The field is named."""
    with pytest.raises(InvalidRequest) as caught:
        sent(translation(endpoint, name), call(endpoint, body))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([("file", SOUND), ("file", SOUND)], "file"),
        ([("file", SOUND), ("language", "de"), ("language", "en")], "language"),
        ([("file", SOUND), ("known_speaker_names[]", "Anna")], "known_speaker_names"),
        ([("file", SOUND), ("timestamp_granularities[]", "letter")], "timestamp_granularities"),
        ([("file", SOUND), ("prompt", "x" * 300_000)], "prompt"),
    ],
)
def test_forms(fields: list[tuple[str, str | bytes]], param: str) -> None:
    """So it is in forms, before the file is read."""
    upload = FakeUpload(fields)
    endpoint = Endpoint.AUDIO_TRANSCRIPTIONS
    with pytest.raises(InvalidRequest) as caught:
        sent(translation(endpoint, "gemini-2.5-flash"), call(endpoint, {}, upload))
    assert caught.value.param == param
    assert "file" not in upload.read_names


@pytest.mark.parametrize("name", ["gemini-2.5-flash", "chirp_2"])
def test_a_large_file_is_not_read(name: str) -> None:
    """What passes the provider's bound is refused by its size alone."""
    upload = FakeUpload([("file", bytes(16 * 1024 * 1024))])
    endpoint = Endpoint.AUDIO_TRANSCRIPTIONS
    with pytest.raises(InvalidRequest) as caught:
        sent(translation(endpoint, name), call(endpoint, {}, upload))
    assert caught.value.code == "audio_too_long"
    assert upload.read_names == []


def test_an_upload_that_is_lost() -> None:
    """A disk that fails is not the caller's fault."""
    upload = FakeUpload([("model", "mine"), ("file", SOUND)], lost=True)
    endpoint = Endpoint.AUDIO_TRANSCRIPTIONS
    with pytest.raises(Broken) as caught:
        sent(translation(endpoint, "chirp_2"), call(endpoint, {}, upload))
    assert caught.value.code == "upload_lost"


def _generated(parts: list[Json], reason: str | None = "STOP") -> Json:
    candidate = {"content": {"parts": parts}} | ({"finishReason": reason} if reason else {})
    return {"candidates": [candidate]}


def _medium(kind: str, data: str = "QUJD") -> Json:
    return {"inlineData": {"mimeType": kind, "data": data}}


PAINTER = (Endpoint.IMAGES_GENERATIONS, "gemini-2.5-flash-image", PROMPT)
SPEAKER = (Endpoint.AUDIO_SPEECH, "gemini-2.5-flash-tts", SPEECH)
CLOUD = (Endpoint.AUDIO_SPEECH, "chirp3-hd", SPEECH)
EMBEDDER = (Endpoint.EMBEDDINGS, "gemini-embedding-2", TEXT)
PREDICTOR = (Endpoint.EMBEDDINGS, "text-embedding-005", {**TEXT, "encoding_format": "base64"})
IMAGEN = (Endpoint.IMAGES_GENERATIONS, "imagen-4", PROMPT)
SAMPLES = "audio/L16;codec=pcm;rate=24000"


def _vector(values: Any) -> Json:  # noqa: ANN401 - any JSON value
    return {"predictions": [{"embeddings": {"values": values}}]}


@pytest.mark.parametrize(
    ("asked", "answer", "kind", "code"),
    [
        (PAINTER, {}, Broken, "upstream_error"),
        (PAINTER, _generated([_medium("image/png")], None), Broken, "upstream_error"),
        (PAINTER, _generated([], "IMAGE_SAFETY"), Refused, "content_filter"),
        (PAINTER, _generated([{"text": "No."}]), Refused, "no_image"),
        (PAINTER, _generated([], "MAX_TOKENS"), Refused, "no_image"),
        (PAINTER, {"promptFeedback": {"blockReason": "SAFETY"}}, Refused, "content_filter"),
        (IMAGEN, {}, Refused, "content_filter"),
        (IMAGEN, {"predictions": [{"raiFilteredReason": "no"}]}, Refused, "content_filter"),
        (IMAGEN, {"predictions": 1}, Broken, "upstream_error"),
        (SPEAKER, _generated([{"text": "Hi."}]), Refused, "no_speech"),
        (SPEAKER, _generated([_medium("audio/mp3")]), Broken, "upstream_error"),
        (SPEAKER, _generated([_medium("audio/L16;rate=8000")]), Broken, "upstream_error"),
        (SPEAKER, _generated([_medium(SAMPLES, "no base64")]), Broken, "upstream_error"),
        (SPEAKER, _generated([_medium(SAMPLES, "")]), Broken, "upstream_error"),
        (
            SPEAKER,
            _generated([_medium(SAMPLES)], "MAX_TOKENS"),
            Refused,
            "string_above_max_length",
        ),
        (CLOUD, {}, Broken, "upstream_error"),
        (CLOUD, {"audioContent": ""}, Broken, "upstream_error"),
        (CLOUD, {"audioContent": "?"}, Broken, "upstream_error"),
        (EMBEDDER, {}, Broken, "upstream_error"),
        (EMBEDDER, {"embedding": {}}, Broken, "upstream_error"),
        (EMBEDDER, {"embedding": {"values": None}}, Broken, "upstream_error"),
        (EMBEDDER, {"embeddings": [{"values": [1]}, {"values": [2]}]}, Broken, "upstream_error"),
        (PREDICTOR, _vector(["a"]), Broken, "upstream_error"),
        (PREDICTOR, _vector([1e300]), Broken, "upstream_error"),
        (PREDICTOR, {"predictions": []}, Broken, "upstream_error"),
    ],
)
def test_answers(
    asked: tuple[Endpoint, str, Json], answer: Json, kind: type[UpstreamError], code: str
) -> None:
    """An answer that is none is an error, and what the filter held back is a refusal."""
    endpoint, name, body = asked
    with pytest.raises(kind) as caught:
        answered(translation(endpoint, name), call(endpoint, body), [json.dumps(answer).encode()])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "fields", "answer", "kind", "code"),
    [
        ("chirp_2", [], {}, Broken, "upstream_error"),
        ("chirp_2", [], {"results": 1}, Broken, "upstream_error"),
        (
            "chirp_3",
            [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")],
            {"results": [{"alternatives": [{"transcript": "Hi."}], "resultEndOffset": "1s"}]},
            Refused,
            "unsupported_value",
        ),
        (
            "gemini-2.5-flash",
            [],
            _generated([{"text": "half of"}], "MAX_TOKENS"),
            Refused,
            "audio_too_long",
        ),
    ],
)
def test_transcripts(
    name: str,
    fields: list[tuple[str, str | bytes]],
    answer: Json,
    kind: type[UpstreamError],
    code: str,
) -> None:
    """A transcript that is cut, or not there, is none."""
    endpoint = Endpoint.AUDIO_TRANSCRIPTIONS
    asked = call(endpoint, {}, FakeUpload([("file", SOUND), *fields]))
    with pytest.raises(kind) as caught:
        answered(translation(endpoint, name), asked, [json.dumps(answer).encode()])
    assert caught.value.code == code


@pytest.mark.parametrize(
    "words",
    [
        "Audio can be of a maximum of 60 seconds.",
        "Request payload size exceeds the limit: 10485760 bytes.",
    ],
)
def test_a_recording_that_the_provider_finds_too_long(words: str) -> None:
    """The code says so, whoever finds it."""
    made = translation(Endpoint.AUDIO_TRANSCRIPTIONS, "chirp_2")
    body = {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}
    error = made.failure(400, [], json.dumps(body).encode())
    assert isinstance(error, Refused)
    assert (error.code, error.error["code"], error.error["param"]) == (
        "audio_too_long",
        "audio_too_long",
        "file",
    )
