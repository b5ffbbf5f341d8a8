"""Embeddings and images of Google's models, through the official SDK."""

import base64
import json
import struct

import openai
import pytest
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from tests.api.model_types.conftest import Stage
from tests.api.model_types.media_places import EMBEDDINGS, PAINTERS
from tests.api.stage import PATIENCE_S
from tests.simulators.gemini.embeddings import vector
from tests.simulators.model import tokens_of
from tests.simulators.operations.images import picture

PNG = base64.b64decode(picture("given", 0))
GEMINI_PAINTERS = PAINTERS[:2]
CHANGED = "x-llmproxy-changed"
DROPPED = "x-llmproxy-dropped"
pytestmark = pytest.mark.conformance(provider="GoogleVertex")


def _as_floats(values: list[float]) -> list[float]:
    return list(struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values)))


def _sent(stage: Stage) -> list[dict[str, object]]:
    return [json.loads(each.body) for each in stage.simulators["vertex"].requests]


@pytest.mark.conformance(operation="embeddings", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", EMBEDDINGS)
def test_one_text(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Its vector is the provider's, in base64 as the SDK asks by default; the usage is settled."""
    answer = client.embeddings.create(model=f"google-{model}", input="hello there", dimensions=64)

    [datum] = answer.data
    assert datum.embedding == _as_floats(vector("hello there", 64))
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == len(tokens_of("hello there"))
    [line] = stage.settled()
    assert line["usage"][0] == answer.usage.prompt_tokens
    assert (line["outcome"], line["usage"][-1]) == ("finished", False)


@pytest.mark.conformance(operation="embeddings", aspect="plain")
@pytest.mark.parametrize("coding", ["float", "base64"])
@pytest.mark.parametrize("model", EMBEDDINGS)
def test_more_texts_than_google_takes(
    client: openai.OpenAI, stage: Stage, model: str, coding: str
) -> None:
    """They go out in several requests and come back in order, as LangChain sends them."""
    texts = [f"text number {number}" for number in range(600)]
    answer = client.embeddings.create(
        model=f"google-{model}",
        input=texts,
        encoding_format=coding,  # type: ignore[arg-type]
        dimensions=8,
    )

    assert [datum.index for datum in answer.data] == list(range(600))
    assert len(stage.simulators["vertex"].requests) == 3
    for text, datum in zip(texts, answer.data, strict=True):
        expected = vector(text, 8)
        if coding == "base64":
            packed = base64.b64decode(str(datum.embedding))
            assert list(struct.unpack("<8f", packed)) == _as_floats(expected)
        else:
            assert datum.embedding == expected
    assert answer.usage.prompt_tokens == sum(len(tokens_of(text)) for text in texts)
    stage.settled()


@pytest.mark.conformance(operation="embeddings", aspect="errors")
@pytest.mark.parametrize("model", EMBEDDINGS)
def test_a_text_that_is_too_long(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """It is refused as OpenAI does, and cut only for who asks for that."""
    long = "word " * 3000
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=f"google-{model}", input=long)
    assert caught.value.code == "context_length_exceeded"

    answer = client.embeddings.create(
        model=f"google-{model}", input=long, extra_body={"auto_truncate": True}
    )

    assert answer.usage.prompt_tokens == 2048
    stage.settled(2)


@pytest.mark.conformance(operation="embeddings", aspect="errors")
@pytest.mark.parametrize("model", EMBEDDINGS)
def test_tokens_are_refused(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Tokens of OpenAI's vocabulary mean nothing to Google."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=f"google-{model}", input=[1, 2, 3])
    assert caught.value.param == "input"
    assert stage.simulators["vertex"].requests == []


@pytest.mark.conformance(operation="embeddings", aspect="plain")
def test_documents_of_langchain(stage: Stage) -> None:
    """LangChain embeds documents as it does with OpenAI, told to send texts."""
    embeddings = OpenAIEmbeddings(
        model="google-text-embedding-005",
        base_url=stage.gateway.base_url,
        api_key=SecretStr("sk-none"),
        dimensions=8,
        check_embedding_ctx_length=False,
    )
    vectors = embeddings.embed_documents(["first", "second"])
    assert vectors == [_as_floats(vector(text, 8)) for text in ("first", "second")]


@pytest.mark.conformance(operation="embeddings", aspect="errors")
def test_a_part_that_fails(client: openai.OpenAI, stage: Stage) -> None:
    """One failed request of several fails the call: no vector is missing without a word."""
    simulator = stage.simulators["vertex"]
    simulator.fail_next("status", status=429)
    texts = [f"text number {number}" for number in range(600)]
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model="google-gemini-embedding-2", input=texts, dimensions=8)
    [line] = stage.settled()
    assert (line["outcome"], line["cost_nano"]) == ("failed", 0)
    for record in simulator.requests:
        record.wait_until_over(PATIENCE_S)


@pytest.mark.conformance(operation="images/generations", aspect=("plain", "usage"))
@pytest.mark.parametrize("count", [1, 3, 6])
@pytest.mark.parametrize("model", PAINTERS)
def test_images(client: openai.OpenAI, stage: Stage, model: str, count: int) -> None:
    """As many as were asked for, in base64, with the tokens that they took."""
    answer = client.images.generate(model=f"google-{model}", prompt="a red pixel", n=count)

    assert answer.data is not None
    assert len(answer.data) == count
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")
    assert answer.output_format == "png"
    [line] = stage.settled()
    assert line["usage"][10] == count
    estimated = model not in GEMINI_PAINTERS  # of which nothing is said but the images
    assert (line["outcome"], line["usage"][-1]) == ("finished", estimated)
    if model in GEMINI_PAINTERS:
        assert answer.usage is not None
        assert answer.usage.output_tokens >= 1290 * count
        made = line["usage"][3] + line["usage"][4] + line["usage"][8]
        assert made == answer.usage.output_tokens


@pytest.mark.conformance(operation="images/generations", aspect="plain")
def test_sizes(client: openai.OpenAI, stage: Stage) -> None:
    """Pixels become a ratio, which is told; what does not fit is refused with what does."""
    raw = client.images.with_raw_response.generate(
        model="google-gemini-3-pro-image-preview", prompt="a pixel", size="1536x1024"
    )
    assert raw.headers[CHANGED] == "size"
    [sent] = _sent(stage)
    assert sent["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "3:2"},
    }

    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(
            model="google-imagen-4.0-generate-001", prompt="a pixel", size="1536x1024"
        )
    assert "1280x896 (4:3)" in caught.value.message
    assert caught.value.param == "size"


@pytest.mark.conformance(operation="images/generations", aspect="errors")
@pytest.mark.parametrize("model", PAINTERS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("response_format", "url"),
        ("quality", "high"),
        ("background", "transparent"),
        ("style", "vivid"),
        ("output_format", "webp"),
        ("stream", True),
        ("no_such_parameter", 1),
    ],
)
def test_what_images_cannot_be(
    client: openai.OpenAI, stage: Stage, model: str, field: str, value: object
) -> None:
    """A 400 names the field, and nothing is sent."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=f"google-{model}", prompt="a pixel", extra_body={field: value})
    assert caught.value.param == field
    assert stage.simulators["vertex"].requests == []


@pytest.mark.conformance(operation="images/generations", aspect="errors")
@pytest.mark.parametrize("model", PAINTERS)
def test_images_that_the_filter_holds_back(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """They are a refusal that says so."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=f"google-{model}", prompt="trigger the output filter")
    assert caught.value.code == "content_filter"
    [line] = stage.settled()
    assert (line["outcome"], line["cost_nano"]) == ("refused", 0)


@pytest.mark.conformance(operation="images/generations", aspect="errors")
def test_words_instead_of_an_image(client: openai.OpenAI) -> None:
    """A model that only talks has made no image."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="google-gemini-2.5-flash-image", prompt="only talk about it")
    assert caught.value.code == "no_image"
    assert "only talk about it" in caught.value.message


@pytest.mark.conformance(operation="images/generations", aspect="plain")
def test_a_document_that_drops(client: openai.OpenAI) -> None:
    """With `drop_unsupported` what cannot be done is named and left out."""
    raw = client.images.with_raw_response.generate(
        model="google-lenient-painter", prompt="a pixel", quality="high", user="somebody"
    )
    assert set(raw.headers[DROPPED].split(", ")) == {"quality", "user"}


@pytest.mark.conformance(operation="images/edits", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", GEMINI_PAINTERS)
def test_an_edit(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Several images go in with the prompt, the same from a form and from a JSON body."""
    answer = client.images.edit(
        model=f"google-{model}", image=[("a.png", PNG), ("b.png", PNG)], prompt="make it blue", n=2
    )
    assert answer.data is not None
    assert len(answer.data) == 2
    sent = _sent(stage)
    assert len(sent) == 2
    first: dict[str, list[dict[str, list[dict[str, object]]]]] = sent[0]  # type: ignore[assignment]
    [content] = first["contents"]
    picture_part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}
    assert content["parts"] == [picture_part, picture_part, {"text": "make it blue"}]
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    body = {"model": f"google-{model}", "prompt": "make it blue", "images": [{"image_url": url}]}
    from_json = client.post("/images/edits", cast_to=object, body=body)
    assert isinstance(from_json, dict)
    assert base64.b64decode(from_json["data"][0]["b64_json"]).startswith(b"\x89PNG")
    stage.settled(2)


@pytest.mark.conformance(operation="images/edits", aspect="errors")
def test_edits_that_cannot_be(client: openai.OpenAI, stage: Stage) -> None:
    """Masks, files that are no images, and models without edits."""
    model = "google-gemini-2.5-flash-image"
    with pytest.raises(openai.BadRequestError) as masked:
        client.images.edit(model=model, image=PNG, mask=PNG, prompt="blue")
    with pytest.raises(openai.BadRequestError) as faithful:
        client.images.edit(model=model, image=PNG, prompt="blue", input_fidelity="high")
    assert masked.value.param == "mask"
    assert faithful.value.param == "input_fidelity"
    with pytest.raises(openai.BadRequestError) as odd:
        client.images.edit(model=model, image=b"no image", prompt="blue")
    assert odd.value.param == "image"
    with pytest.raises(openai.BadRequestError) as absent:
        client.images.edit(model="google-imagen-4.0-generate-001", image=PNG, prompt="blue")
    assert absent.value.code == "operation_not_supported"
    assert stage.simulators["vertex"].requests == []
