"""The Vertex AI simulator's pictures, speech, transcripts and vectors, proven by google-genai."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.simulators.gemini.client import client_of, path_of
from tests.simulators.gemini.embeddings import vector
from tests.simulators.gemini.media import PCM_TYPE
from tests.simulators.operations.images import picture
from tests.simulators.operations.speech import audio
from tests.simulators.operations.transcriptions import transcript
from tests.simulators.runner import running
from tests.simulators.vertex import VertexSimulator

FLASH = "gemini-2.5-flash"
PAINTER = "gemini-2.5-flash-image"
SPEAKER = "gemini-2.5-flash-tts"
HELLO = "hello there"
DEPRECATED = "ignore:The generate_images method is deprecated"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[VertexSimulator]:
    with running(VertexSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: VertexSimulator) -> Iterator[genai.Client]:
    with client_of(simulator) as client:
        yield client


def _blobs(answer: types.GenerateContentResponse) -> list[Any]:
    parts = answer.candidates[0].content.parts or []
    return [part.inline_data for part in parts if part.inline_data]


def _voice(name: str) -> types.VoiceConfig:
    return types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name))


def _speech(voice: str) -> types.GenerateContentConfig:
    chosen = types.SpeechConfig(voice_config=_voice(voice))
    return types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=chosen)


@pytest.mark.parametrize("modalities", [["TEXT", "IMAGE"], ["IMAGE"], None])
def test_draws(client: genai.Client, modalities: list[str] | None) -> None:
    """A model that draws answers with a PNG, with words where they are wanted."""
    config = types.GenerateContentConfig(
        response_modalities=modalities, image_config=types.ImageConfig(aspect_ratio="16:9")
    )
    answer = client.models.generate_content(model=PAINTER, contents=HELLO, config=config)

    [blob] = _blobs(answer)
    assert blob.mime_type == "image/png"
    assert base64.b64encode(blob.data).decode() == picture(HELLO, 0)
    assert bool(answer.text) is (modalities != ["IMAGE"])
    details = {
        each.modality.value: each.token_count
        for each in answer.usage_metadata.candidates_tokens_details
    }
    assert details["IMAGE"] == 1290


def test_draws_from_pictures(client: genai.Client) -> None:
    """What is given changes what is drawn, in a stream too."""
    given = [types.Part.from_bytes(data=PNG, mime_type="image/png"), types.Part(text=HELLO)]
    whole = client.models.generate_content(model=PAINTER, contents=given)
    chunks = list(client.models.generate_content_stream(model=PAINTER, contents=given))

    [blob] = _blobs(whole)
    assert blob.data.startswith(PNG)
    assert base64.b64encode(blob.data).decode() != picture(HELLO, 0)
    assert [each.data for chunk in chunks for each in _blobs(chunk)] == [blob.data]
    assert chunks[-1].candidates[0].finish_reason == "STOP"


def test_draws_nothing(client: genai.Client) -> None:
    """A filtered picture has a reason of its own; words alone are possible."""
    filtered = client.models.generate_content(model=PAINTER, contents="trigger the output filter")
    talked = client.models.generate_content(model=PAINTER, contents="only talk about it")

    assert filtered.candidates[0].finish_reason == "IMAGE_SAFETY"
    assert _blobs(filtered) == _blobs(talked) == []
    assert talked.text


def test_speaks(client: genai.Client) -> None:
    """A voice says the text in PCM; a stream brings the same in pieces."""
    whole = client.models.generate_content(model=SPEAKER, contents=HELLO, config=_speech("Puck"))
    chunks = list(
        client.models.generate_content_stream(model=SPEAKER, contents=HELLO, config=_speech("Puck"))
    )

    [blob] = _blobs(whole)
    assert (blob.mime_type, blob.data) == (PCM_TYPE, audio(HELLO, "Puck", "pcm"))
    pieces = [each.data for chunk in chunks for each in _blobs(chunk)]
    assert len(pieces) == 2
    assert b"".join(pieces) == blob.data
    assert whole.usage_metadata.candidates_tokens_details[0].modality == "AUDIO"
    assert chunks[-1].usage_metadata.candidates_token_count == 2


def test_speaks_with_two_voices(client: genai.Client) -> None:
    """Two speakers have a voice each."""
    speakers = [
        types.SpeakerVoiceConfig(speaker=name, voice_config=_voice(voice))
        for name, voice in (("Joe", "Kore"), ("Jane", "Puck"))
    ]
    config = types.GenerateContentConfig(
        response_modalities=["AUDIO"],
        speech_config=types.SpeechConfig(
            multi_speaker_voice_config=types.MultiSpeakerVoiceConfig(speaker_voice_configs=speakers)
        ),
    )
    answer = client.models.generate_content(model=SPEAKER, contents=HELLO, config=config)

    assert _blobs(answer)[0].data == audio(HELLO, "Joe=Kore,Jane=Puck", "pcm")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (_speech("alloy"), "Voice name alloy is not supported. Allowed voice names are: achernar"),
        (types.GenerateContentConfig(), "response modalities (TEXT) is not supported"),
        (
            types.GenerateContentConfig(response_modalities=["AUDIO"], system_instruction="x"),
            "Developer instruction is not enabled",
        ),
    ],
)
def test_refuses_to_speak(
    client: genai.Client, config: types.GenerateContentConfig, words: str
) -> None:
    """An unknown voice, words as the answer, and a system instruction are refused."""
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model=SPEAKER, contents=HELLO, config=config)
    assert (refused.value.code, words in str(refused.value.message)) == (400, True)


def test_hears(client: genai.Client) -> None:
    """Audio in the prompt is written down, whole and streamed, and counted as audio."""
    heard = [
        types.Part(text="Generate a transcript of the speech."),
        types.Part.from_bytes(data=b"RIFF....WAVE", mime_type="audio/wav"),
    ]
    whole = client.models.generate_content(model=FLASH, contents=heard)
    chunks = list(client.models.generate_content_stream(model=FLASH, contents=heard))

    assert whole.text == transcript(b"RIFF....WAVE")
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    details = whole.usage_metadata.prompt_tokens_details
    assert {each.modality.value for each in details} == {"TEXT", "AUDIO"}


@pytest.mark.parametrize(
    ("model", "texts", "method"),
    [
        ("text-embedding-005", ["one two", "three"], "predict"),
        ("text-multilingual-embedding-002", ["one two"], "predict"),
        ("gemini-embedding-001", ["one two"], "embedContent"),
        ("gemini-embedding-001", ["one two", "three"], "batchEmbedContents"),
        ("gemini-embedding-2", ["one two"], "embedContent"),
    ],
)
def test_embeds(
    client: genai.Client, simulator: VertexSimulator, model: str, texts: list[str], method: str
) -> None:
    """Each generation by the method that the SDK takes for it."""
    contents: Any = [types.Content(parts=[types.Part(text=text)]) for text in texts]
    answer = client.models.embed_content(
        model=model,
        contents=texts if method == "predict" else contents,
        config={"output_dimensionality": 8, "task_type": "RETRIEVAL_DOCUMENT", "title": "t"},
    )

    assert simulator.requests[0].path.endswith(f"{model}:{method}")
    assert [each.values for each in answer.embeddings] == [vector(text, 8) for text in texts]
    if method == "predict":
        assert answer.embeddings[0].statistics.token_count == 2
        assert answer.metadata.billable_character_count > 0
    else:
        assert answer.usage_metadata.prompt_token_count == sum(len(t.split()) for t in texts)


def test_embeds_by_predict_one_at_a_time(simulator: VertexSimulator) -> None:
    """gemini-embedding-001 takes one instance, others 250; too long a text is cut or refused."""

    def ask(model: str, count: int, text: str = "x", **parameters: object) -> httpx.Response:
        instances = [{"content": text}] * count
        return httpx.post(
            f"{simulator.url}{path_of(model, 'predict')}",
            json={"instances": instances, "parameters": parameters},
            headers={"authorization": "Bearer vertex-token"},
        )

    one = ask("gemini-embedding-001", 1, outputDimensionality=4)
    cut = ask("text-embedding-005", 1, "word " * 3000).json()["predictions"][0]["embeddings"]
    messages = [
        ask(*asked, **more).json()["error"]["message"]
        for asked, more in (
            (("gemini-embedding-001", 2), {}),
            (("text-embedding-005", 251), {}),
            (("text-embedding-005", 1, "word " * 3000), {"autoTruncate": False}),
            (("text-embedding-005", 1), {"outputDimensionality": 769}),
        )
    ]

    assert len(one.json()["predictions"][0]["embeddings"]["values"]) == 4
    assert cut["statistics"] == {"truncated": True, "token_count": 2048}
    assert messages[0] == "1 instance(s) is allowed per prediction. Actual: 2"
    assert messages[1] == "250 instance(s) is allowed per prediction. Actual: 251"
    assert "the model supports up to 2048" in messages[2]
    assert "from 1 (inclusive) to 769 (exclusive)" in messages[3]


@pytest.mark.filterwarnings(DEPRECATED)
@pytest.mark.parametrize(("kind", "magic"), [("image/png", PNG), ("image/jpeg", b"\xff\xd8\xff")])
def test_imagen_draws(client: genai.Client, kind: str, magic: bytes) -> None:
    """Imagen draws as many pictures as asked for, each another."""
    answer = client.models.generate_images(
        model="imagen-4.0-generate-001",
        prompt=HELLO,
        config={"number_of_images": 2, "aspect_ratio": "16:9", "output_mime_type": kind},
    )

    images = [each.image for each in answer.generated_images]
    assert [image.mime_type for image in images] == [kind] * 2
    assert all(image.image_bytes.startswith(magic) for image in images)
    assert images[0].image_bytes != images[1].image_bytes


@pytest.mark.filterwarnings(DEPRECATED)
def test_imagen_filters(client: genai.Client) -> None:
    """A filtered picture leaves its reason; too many are refused."""
    answer = client.models.generate_images(
        model="imagen-4.0-generate-001",
        prompt="trigger the output filter",
        config={"include_rai_reason": True},
    )
    with pytest.raises(errors.ClientError):
        client.models.generate_images(
            model="imagen-4.0-generate-001", prompt=HELLO, config={"number_of_images": 5}
        )

    [filtered] = answer.generated_images
    assert filtered.image.image_bytes is None
    assert "violated Vertex AI's usage guidelines" in filtered.rai_filtered_reason
