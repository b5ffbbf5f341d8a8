"""The operations beside chat, proven by openai-python pointed straight at the simulators."""

import base64
from collections.abc import Iterator

import openai
import pytest

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator

Sdk = openai.OpenAI | openai.AzureOpenAI
MODELS = {
    "openai": {
        "embeddings": "text-embedding-3-small",
        "completions": "gpt-3.5-turbo-instruct",
        "moderations": "omni-moderation-latest",
        "images": "gpt-image-1",
    },
    "azure": {
        "embeddings": "embedder",
        "completions": "instruct",
        "moderations": "moderator",
        "images": "painter",
    },
}
MODELS["azure-v1"] = MODELS["azure"]


@pytest.fixture(name="client", params=sorted(MODELS))
def _client(
    request: pytest.FixtureRequest,
    openai_simulator: OpenAISimulator,
    azure_simulator: AzureOpenAISimulator,
) -> Iterator[tuple[Sdk, dict[str, str]]]:
    """Each vendor's client, and what the models are called there."""
    made: Sdk
    if request.param == "openai":
        made = openai.OpenAI(
            base_url=openai_simulator.base_url, api_key="sk-simulator", max_retries=0
        )
    elif request.param == "azure":
        made = openai.AzureOpenAI(
            azure_endpoint=azure_simulator.url,
            api_key="azure-key",
            api_version="2024-10-21",
            max_retries=0,
        )
    else:
        made = openai.OpenAI(base_url=azure_simulator.base_url, api_key="azure-key", max_retries=0)
    with made:
        yield made, MODELS[request.param]


def test_embeddings(client: tuple[Sdk, dict[str, str]]) -> None:
    """The SDK's own base64 and floats are the same numbers."""
    sdk, models = client
    packed = sdk.embeddings.create(model=models["embeddings"], input=["a", "b"])
    plain = sdk.embeddings.create(
        model=models["embeddings"], input=["a", "b"], encoding_format="float"
    )
    tokens = sdk.embeddings.create(model=models["embeddings"], input=[[1, 2], [3]], dimensions=4)

    assert packed.data == plain.data
    assert packed.usage.prompt_tokens == 2
    assert [len(each.embedding) for each in tokens.data] == [4, 4]
    with pytest.raises(openai.BadRequestError):
        sdk.embeddings.create(model=models["embeddings"], input="")


def test_completions(client: tuple[Sdk, dict[str, str]]) -> None:
    """A choice per prompt and `n`; streamed, the same words with `[DONE]` behind them."""
    sdk, models = client
    answer = sdk.completions.create(model=models["completions"], prompt=["a", "b"], n=2)
    cut = sdk.completions.create(model=models["completions"], prompt=[1, 2, 3], max_tokens=2)
    chunks = list(
        sdk.completions.create(
            model=models["completions"],
            prompt="a",
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert [choice.text for choice in answer.choices] == [
        "Simulated answer to: a",
        "Simulated answer to: a (choice 2)",
        "Simulated answer to: b (choice 3)",
        "Simulated answer to: b (choice 4)",
    ]
    assert (cut.choices[0].text, cut.choices[0].finish_reason) == ("Simulated answer", "length")
    said = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert said == "Simulated answer to: a"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5
    with pytest.raises(openai.BadRequestError):
        sdk.completions.create(model=models["completions"], prompt="a", n=129)


def test_moderations(client: tuple[Sdk, dict[str, str]]) -> None:
    """Texts are judged one by one, parts together. The dated API has no path for it."""
    sdk, models = client
    if isinstance(sdk, openai.AzureOpenAI):
        with pytest.raises(openai.NotFoundError):
            sdk.moderations.create(input="x", model=models["moderations"])
        return
    verdicts = sdk.moderations.create(
        input=["I want to kill them.", "hi"], model=models["moderations"]
    )
    parts = sdk.moderations.create(
        model=models["moderations"],
        input=[
            {"type": "text", "text": "hi"},
            {"type": "image_url", "image_url": {"url": "https://images.invalid/1.png"}},
        ],
    )

    assert [each.flagged for each in verdicts.results] == [True, False]
    assert verdicts.results[0].categories.violence
    assert [each.flagged for each in parts.results] == [False]


def test_images(client: tuple[Sdk, dict[str, str]]) -> None:
    """Pictures with their usage; streamed, the partial ones come before."""
    sdk, models = client
    answer = sdk.images.generate(model=models["images"], prompt="a sea otter", n=2, quality="high")
    events = list(
        sdk.images.generate(
            model=models["images"], prompt="a sea otter", stream=True, partial_images=2
        )
    )

    pictures = [base64.b64decode(each.b64_json or "") for each in answer.data or []]
    assert all(each.startswith(b"\x89PNG") for each in pictures)
    assert len(set(pictures)) == 2
    assert answer.quality == "high"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 2112)
    assert answer.usage.input_tokens_details.text_tokens == 3
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    last = events[-1]
    assert last.type == "image_generation.completed"
    assert last.usage.output_tokens == 1256
    assert base64.b64decode(last.b64_json) == pictures[0]


def test_older_models(openai_simulator: OpenAISimulator) -> None:
    """DALL-E gives URLs and no usage, and is what draws without a model; moderations too."""
    with openai.OpenAI(
        base_url=openai_simulator.base_url, api_key="sk-simulator", max_retries=0
    ) as sdk:
        drawn = sdk.images.generate(prompt="a sea otter")
        packed = sdk.images.generate(prompt="a sea otter", response_format="b64_json")
        judged = sdk.moderations.create(input="hi")

    assert drawn.data is not None
    assert packed.data is not None
    assert (drawn.data[0].url or "").startswith("https://")
    assert (drawn.usage, packed.data[0].b64_json is not None) == (None, True)
    assert judged.model == "omni-moderation-2024-09-26"
