"""Answers in one piece, as openai-python sees them."""

import base64

import openai
import pytest

from tests.api.asking import ask
from tests.api.gateway import serving
from tests.api.operations.conftest import Stage

EVERYWHERE = ["{}", "azure-dated-{}", "azure-v1-{}", "foundry-{}", "foundry-legacy-{}"]
EMBEDDERS = [name.format("embedder") for name in EVERYWHERE]
INSTRUCTS = [name.format("instruct") for name in EVERYWHERE]
MODERATORS = [name.format("moderator") for name in EVERYWHERE]
PAINTERS = [name.format("painter") for name in EVERYWHERE]


@pytest.mark.conformance(operation="embeddings", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", EMBEDDERS)
def test_embeddings(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The vectors and the usage are the upstream's; the journal counts the same tokens."""
    answer = client.embeddings.create(model=model, input=["hello there", "bye"])

    assert [each.index for each in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) == 16
    assert answer.model == "text-embedding-3-small"
    assert answer.usage.prompt_tokens == 3
    assert answer._request_id
    assert stage.used() == (3, 0, 0, False)


@pytest.mark.conformance(operation="embeddings", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", ["embedder", "echo"])
def test_forms_of_embeddings(client: openai.OpenAI, model: str) -> None:
    """Floats and base64 are the same numbers; tokens and dimensions pass."""
    packed = client.embeddings.create(model=model, input="hello there")
    plain = client.embeddings.create(model=model, input="hello there", encoding_format="float")
    raw = client.embeddings.with_raw_response.create(
        model=model, input="hello there", encoding_format="base64"
    )
    tokens = client.embeddings.create(model=model, input=[[1, 2, 3], [4]], dimensions=8)

    assert packed.data == plain.data
    assert b'"embedding":"' in raw.content.replace(b": ", b":")
    assert raw.headers["x-llmproxy-model"] == model
    assert [len(each.embedding) for each in tokens.data] == [8, 8]
    assert (tokens.usage.prompt_tokens, tokens.usage.total_tokens) == (4, 4)


@pytest.mark.conformance(operation="embeddings", provider="OpenAI", aspect="plain")
@pytest.mark.asyncio
async def test_embeddings_asynchronously(async_client: openai.AsyncOpenAI) -> None:
    """The asynchronous client gets the same; 2,048 inputs are not too many."""
    answer = await async_client.embeddings.create(model="embedder", input=["x"] * 2048)
    assert len(answer.data) == 2048


@pytest.mark.conformance(operation="completions", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", [name for name in INSTRUCTS if "legacy" not in name])
def test_completions(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """A choice per prompt and `n`, each with its reason to end."""
    answer = client.completions.create(model=model, prompt=["a", "b"], n=2, max_tokens=4)

    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.finish_reason for choice in answer.choices] == ["stop", *["length"] * 3]
    assert answer.choices[2].text == "Simulated answer to: b"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18
    assert stage.used() == (2, 16, 0, False)


@pytest.mark.conformance(operation="completions", provider="OpenAI", aspect="plain")
@pytest.mark.asyncio
async def test_forms_of_completions(async_client: openai.AsyncOpenAI) -> None:
    """Tokens, `echo` and OpenAI's own default of 16 tokens."""
    tokens = await async_client.completions.create(model="instruct", prompt=[1, 2, 3])
    long = await async_client.completions.create(model="instruct", prompt="count to 50")
    echoed = await async_client.completions.create(model="instruct", prompt="a", echo=True)

    assert tokens.choices[0].text == "Simulated answer to: 3 tokens"
    assert len(long.choices[0].text.split()) == 16
    assert echoed.choices[0].text.startswith("aSimulated")


@pytest.mark.conformance(operation="completions", provider="Echo", aspect=("plain", "usage"))
def test_completions_of_echo(client: openai.OpenAI, stage: Stage) -> None:
    """What goes in comes out."""
    answer = client.completions.create(model="echo", prompt="one two three", max_tokens=2)

    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("one two", "length")
    assert stage.used() == (3, 2, 0, False)


@pytest.mark.conformance(operation="moderations", aspect="plain")
@pytest.mark.parametrize("model", [*MODERATORS, "echo"])
def test_moderations(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """A verdict per text, one for parts; free, and counted by an estimate at most."""
    answer = client.moderations.create(model=model, input=["I want to kill them.", "hello"])
    [line] = stage.settled()
    parts = client.moderations.create(model=model, input=[{"type": "text", "text": "hello"}])

    assert [each.flagged for each in answer.results] == [model != "echo", False]
    assert answer.results[0].categories.violence is (model != "echo")
    assert len(parts.results) == 1
    assert (line["outcome"], line["cost_nano"]) == ("finished", 0)
    assert line["usage"][3] == 0, "a verdict holds no tokens"


def test_without_a_model(client: openai.OpenAI, stage: Stage) -> None:
    """Which of several models is meant is not for the gateway to say."""
    for path, body in (("moderations", {"input": "x"}), ("images/generations", {"prompt": "x"})):
        with pytest.raises(openai.BadRequestError) as refused:
            client.post(f"/{path}", body=body, cast_to=object)
        assert (refused.value.param, refused.value.code) == ("model", "missing_required_parameter")
        assert "echo" in refused.value.message
    assert stage.first.requests == []


def test_without_a_model_where_there_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A new gateway has one moderation model: Echo."""
    with (
        serving(tmp_path_factory.mktemp("fresh")) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client,
    ):
        answer = client.moderations.create(input="hello")
        assert answer.model == "echo"
        assert len(client.embeddings.create(model="echo", input="x").data) == 1


@pytest.mark.conformance(operation="images/generations", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", PAINTERS)
def test_images(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Pictures in base64, with the tokens that the upstream says."""
    answer = client.images.generate(model=model, prompt="a sea otter", n=2, size="1024x1024")

    pictures = [base64.b64decode(each.b64_json or "") for each in answer.data or []]
    assert [each[:4] for each in pictures] == [b"\x89PNG", b"\x89PNG"]
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.text_tokens == 3
    assert stage.used() == (3, 2112, 2, False)


@pytest.mark.conformance(operation="images/generations", provider="OpenAI", aspect="plain")
@pytest.mark.asyncio
async def test_images_of_older_models(async_client: openai.AsyncOpenAI, stage: Stage) -> None:
    """URLs pass as they are. The images are all that is said; the model is priced by tokens."""
    answer = await async_client.images.generate(model="old-painter", prompt="a sea otter", n=3)

    assert [each.url for each in answer.data or []] == [
        f"https://images.invalid/{number}.png" for number in range(3)
    ]
    assert stage.used() == (0, 3 * 1056, 3, True)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("embeddings", "embedder"),
        ("completions", "instruct"),
        ("moderations", "moderator"),
        ("images/generations", "painter"),
    ],
)
def test_the_route_is_named(stage: Stage, path: str, model: str) -> None:
    """The headers say which model and deployment answered, and what it cost."""
    body = {"model": model, "input": "x", "prompt": "x"}
    del body["prompt" if model in {"embedder", "moderator"} else "input"]
    answer = ask(stage.gateway.url, f"/v1/{path}", method="POST", body=body)

    assert answer.status == 200
    assert answer.headers["x-llmproxy-model"] == model
    assert answer.headers["x-llmproxy-deployment"] == model
    assert answer.headers["x-llmproxy-upstream-request-id"].startswith("req_")
    assert (float(answer.headers["x-llmproxy-cost"]) > 0) is (model != "moderator")
    assert answer.headers["content-length"] == str(len(answer.body))
