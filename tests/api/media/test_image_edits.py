"""Edits and variations of images through the gateway, as openai-python sees them."""

import openai
import pytest

from tests.api.asking import ask
from tests.api.media.conftest import Stage
from tests.api.media.test_transcriptions import canonical

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
LARGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12_000


@pytest.mark.conformance(operation="images/edits", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", ["painter", "azure-painter", "azure-painter-v1"])
def test_edits(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Several images and a mask go in one form."""
    drawn = client.images.edit(
        model=model,
        image=[("a.png", IMAGE), ("b.png", LARGE)],
        mask=("m.png", IMAGE),
        prompt="a hat",
        n=2,
        size="1024x1024",
    )

    assert len(drawn.data or []) == 2
    [line] = stage.settled()
    assert line["outcome"] == "finished"
    assert line["usage"][10] == 2


def test_only_the_model_changes(client: openai.OpenAI, stage: Stage) -> None:
    """The provider gets the very bytes of the client, but for the name of the model."""
    client.images.edit(model="painter", image=("a.png", LARGE), prompt="a hat")
    with openai.OpenAI(base_url=stage.second.base_url, api_key="sk-simulator") as direct:
        direct.images.edit(model="gpt-image-1", image=("a.png", LARGE), prompt="a hat")

    assert canonical(stage.first.requests[0]) == canonical(stage.second.requests[0])


@pytest.mark.conformance(operation="images/edits", provider="OpenAI", aspect=("stream", "usage"))
def test_events(client: openai.OpenAI, stage: Stage) -> None:
    """Partial images come before the whole one."""
    events = list(
        client.images.edit(model="painter", image=("a.png", IMAGE), prompt="a hat", stream=True)
    )

    assert [event.type for event in events] == [
        "image_edit.partial_image",
        "image_edit.completed",
    ]
    [line] = stage.settled()
    assert (line["usage"][10], line["usage"][13]) == (1, False)


def test_edits_as_json(stage: Stage) -> None:
    """Images may be named instead of sent; then the request is JSON."""
    body = {"model": "painter", "prompt": "a hat", "images": [{"file_id": "file-1"}]}
    answer = ask(stage.gateway.url, "/v1/images/edits", method="POST", body=body)
    refused = ask(stage.gateway.url, "/v1/images/edits", method="POST", body={**body, "images": []})

    assert answer.status == 200
    assert stage.first.requests[0].json == body | {"model": "gpt-image-1"}
    assert (refused.status, refused.error["param"]) == (400, "images")


@pytest.mark.conformance(
    operation="images/variations", provider="OpenAI", aspect=("plain", "usage")
)
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_variations(client: openai.OpenAI, stage: Stage) -> None:
    """A model that reports nothing is counted in images."""
    varied = client.images.create_variation(
        model="old-painter", image=("a.png", LARGE), n=2, response_format="b64_json"
    )

    assert len(varied.data or []) == 2
    [line] = stage.settled()
    assert line["usage"][10] == 2


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_azure_has_no_variations(client: openai.OpenAI) -> None:
    """A provider without the operation is a clear refusal."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.create_variation(model="azure-painter", image=("a.png", IMAGE))

    assert raised.value.code == "operation_not_supported"


@pytest.mark.conformance(operation="images/edits", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 11}, "n"),
        ({"partial_images": 4}, "partial_images"),
        ({"prompt": "x" * 32001}, "prompt"),
    ],
)
def test_the_desk(client: openai.OpenAI, fields: dict, param: str) -> None:  # type: ignore[type-arg]
    """Bounds are OpenAI's."""
    whole = {"model": "painter", "image": ("a.png", IMAGE), "prompt": "a hat"} | fields
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.edit(**whole)

    assert raised.value.param == param
