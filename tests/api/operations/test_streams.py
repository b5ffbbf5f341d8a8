"""Streams of completions and images, as openai-python sees them."""

import base64

import openai
import pytest

from tests.api.operations.conftest import Stage
from tests.simulators.faults import FaultKind

INSTRUCTS = ["instruct", "azure-dated-instruct", "azure-v1-instruct", "foundry-instruct"]
PAINTERS = ["painter", "azure-dated-painter", "azure-v1-painter", "foundry-painter"]
BREAKS = {
    FaultKind.CUT_MID_STREAM: "upstream_connection_lost",
    FaultKind.RESET_MID_STREAM: "upstream_connection_lost",
    FaultKind.ERROR_FRAME: "upstream_error",
}


def _says(client: openai.OpenAI, model: str, prompt: str, said: list[str]) -> None:
    """Read a completion to its end or its error; `said` keeps what came."""
    for chunk in client.completions.create(model=model, prompt=prompt, stream=True):
        said += [choice.text for choice in chunk.choices]


@pytest.mark.conformance(operation="completions", aspect="stream")
@pytest.mark.parametrize("model", [*INSTRUCTS, "echo"])
def test_completions(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Word by word, with the usage that nobody asked for in the journal only."""
    chunks = list(client.completions.create(model=model, prompt="hello", stream=True))

    said = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert said == ("hello" if model == "echo" else "Simulated answer to: hello")
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [chunk.usage for chunk in chunks if chunk.usage] == []
    assert stage.used() == (1, 1 if model == "echo" else 4, 0, False)


@pytest.mark.conformance(operation="completions", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", [*INSTRUCTS, "echo"])
def test_completions_with_usage(client: openai.OpenAI, model: str) -> None:
    """Asked for, usage comes last, in an event without choices."""
    chunks = list(
        client.completions.create(
            model=model, prompt="hello", stream=True, stream_options={"include_usage": True}
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 1
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


@pytest.mark.conformance(operation="completions", provider="OpenAI", aspect="stream")
@pytest.mark.asyncio
async def test_completions_asynchronously(async_client: openai.AsyncOpenAI) -> None:
    """Several prompts are one stream of interleaved choices."""
    stream = await async_client.completions.create(
        model="instruct", prompt=["a", "b"], n=2, stream=True
    )
    said = ["", "", "", ""]
    async for chunk in stream:
        for choice in chunk.choices:
            said[choice.index] += choice.text

    assert said[0] == "Simulated answer to: a"
    assert said[3] == "Simulated answer to: b (choice 4)"


@pytest.mark.conformance(operation="images/generations", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", PAINTERS)
def test_images(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Partial images, then the whole one with its usage."""
    events = list(
        client.images.generate(model=model, prompt="a sea otter", stream=True, partial_images=2)
    )

    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    last = events[-1]
    assert last.type == "image_generation.completed"
    assert base64.b64decode(last.b64_json).startswith(b"\x89PNG")
    assert stage.used() == (3, 1256, 1, False)
    assert last.usage.output_tokens == 1256


@pytest.mark.conformance(operation="images/generations", provider="OpenAI", aspect="stream")
@pytest.mark.asyncio
async def test_images_raw(async_client: openai.AsyncOpenAI) -> None:
    """Every event has its `event:` line, and nothing stands behind the last one."""
    async with async_client.images.with_streaming_response.generate(
        model="painter", prompt="x", stream=True
    ) as response:
        lines = [line async for line in response.iter_lines() if line]

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert lines[0] == "event: image_generation.completed"
    assert len(lines) == 2


@pytest.mark.conformance(operation="completions", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("kind", BREAKS)
def test_a_completion_that_breaks(client: openai.OpenAI, stage: Stage, kind: FaultKind) -> None:
    """Its first words come, then an error is raised: it never looks complete."""
    stage.first.fail_next(kind, after_events=4, chunk_interval_ms=10)
    said: list[str] = []
    with pytest.raises(openai.APIError) as broken:
        _says(client, "instruct", "count to 15", said)

    assert said
    assert "1 2 3 4 5".startswith("".join(said))
    assert broken.value.code == BREAKS[kind]
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", BREAKS[kind])
    assert line["usage"][-1], "what was seen of it is estimated"


@pytest.mark.conformance(operation="images/generations", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("kind", BREAKS)
def test_an_image_that_breaks(client: openai.OpenAI, stage: Stage, kind: FaultKind) -> None:
    """The partial image comes, then an error is raised."""
    stage.first.fail_next(kind, after_events=1, chunk_interval_ms=10)
    seen: list[str] = []
    stream = client.images.generate(model="painter", prompt="x", stream=True, partial_images=3)
    with pytest.raises(openai.APIError) as broken:
        seen.extend(event.type for event in stream)

    assert seen == ["image_generation.partial_image"]
    assert broken.value.code == BREAKS[kind]
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", BREAKS[kind])


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE_HEADERS, FaultKind.STATUS])
def test_failover(client: openai.OpenAI, stage: Stage, kind: FaultKind) -> None:
    """What fails before its first content moves to the other deployment, unnoticed."""
    for simulator in (stage.first, stage.second):
        simulator.fail_next(kind)
        said: list[str] = []
        _says(client, "instruct-pair", "hello", said)
        assert "".join(said) == "Simulated answer to: hello"
        simulator.reset()
        simulator.fail_next(kind)
        events = list(client.images.generate(model="painter-pair", prompt="x", stream=True))
        assert [event.type for event in events] == ["image_generation.completed"]
        stage.first.reset()
        stage.second.reset()
    assert [line["outcome"] for line in stage.settled(4)] == ["finished"] * 4


@pytest.mark.conformance(operation="completions", provider="OpenAI", aspect="cancel")
def test_who_leaves_a_completion(client: openai.OpenAI, stage: Stage) -> None:
    """The upstream's work ends with the client's interest."""
    stage.first.fail_next(chunk_interval_ms=50)
    stream = client.completions.create(
        model="instruct", prompt="count to 500", max_tokens=500, stream=True
    )
    next(iter(stream))
    stream.close()

    _was_cancelled(stage)


@pytest.mark.conformance(operation="images/generations", provider="OpenAI", aspect="cancel")
def test_who_leaves_an_image(client: openai.OpenAI, stage: Stage) -> None:
    """So it does between two partial images."""
    stage.first.fail_next("hang_mid_stream", after_events=1)
    stream = client.images.generate(model="painter", prompt="x", stream=True, partial_images=3)
    next(iter(stream))
    stream.close()

    _was_cancelled(stage)


def _was_cancelled(stage: Stage) -> None:
    [record] = stage.first.requests
    record.wait_until_over()
    assert record.disconnected_after_ms is not None
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("aborted", None)
