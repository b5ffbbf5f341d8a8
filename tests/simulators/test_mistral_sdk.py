"""Mistral on Vertex AI, proven by mistralai's client for Google Cloud."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.gcp.client import MistralGCP
from mistralai.gcp.client.errors import HTTPValidationError, SDKError
from mistralai.gcp.client.models import (
    ChatCompletionResponse,
    CompletionChunk,
    SystemMessage,
    UserMessage,
)

from tests.simulators.bodies import CLOCK, WEATHER
from tests.simulators.partners.mistral import FILL_THE_CONTEXT
from tests.simulators.runner import running
from tests.simulators.vertex_partners import PartnersSimulator

MODEL = "mistral-medium-3"
HELLO: list[Any] = [{"role": "user", "content": "hello there"}]
SAID = "Simulated answer to: hello there"


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[PartnersSimulator]:
    with running(PartnersSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="vertex")
def _vertex(listening: PartnersSimulator) -> PartnersSimulator:
    listening.reset()
    return listening


@pytest.fixture(name="client")
def _client(vertex: PartnersSimulator) -> Iterator[MistralGCP]:
    with MistralGCP(
        project_id="p", region="europe-west4", access_token="vertex-token", server_url=vertex.url
    ) as client:
        yield client


def streamed(
    client: MistralGCP,
    **given: Any,  # noqa: ANN401 - what the SDK takes
) -> list[CompletionChunk]:
    """All chunks of a streamed call."""
    with client.chat.stream(**given) as events:
        return [event.data for event in events]


def test_complete(client: MistralGCP, vertex: PartnersSimulator) -> None:
    """The model stands in the path and in the body."""
    answer = client.chat.complete(
        model=MODEL,
        messages=[SystemMessage(content="Be brief."), UserMessage(content="hello there")],
        max_tokens=50,
        random_seed=7,
        temperature=0.3,
        presence_penalty=0.1,
        stop=["never"],
    )

    assert answer.choices[0].message is not None
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == (
        (answer.usage.prompt_tokens or 0) + (answer.usage.completion_tokens or 0)
    )
    assert vertex.requests[0].path.endswith(f"/publishers/mistralai/models/{MODEL}:rawPredict")
    assert vertex.requests[0].json["model"] == MODEL


def test_stream(client: MistralGCP, vertex: PartnersSimulator) -> None:
    """The role first, then the text, the usage with the end."""
    chunks = streamed(client, model=MODEL, messages=HELLO)

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(str(chunk.choices[0].delta.content or "") for chunk in chunks) == SAID
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert vertex.requests[0].path.endswith(":streamRawPredict")


def test_async(vertex: PartnersSimulator) -> None:
    """The asynchronous client."""

    async def ask() -> ChatCompletionResponse:
        async with MistralGCP(
            project_id="p", access_token="vertex-token", server_url=vertex.url
        ) as client:
            return await client.chat.complete_async(model=MODEL, messages=HELLO)

    message = asyncio.run(ask()).choices[0].message
    assert message is not None
    assert message.content == SAID


def test_tools_over_two_turns(client: MistralGCP) -> None:
    """Ids of nine characters, whole calls in a stream, and the answer to their results."""
    asked: list[Any] = [{"role": "user", "content": "get_weather and get_time, please"}]
    tools: Any = [WEATHER, CLOCK]
    first = client.chat.complete(model=MODEL, messages=asked, tools=tools, tool_choice="any")
    chunks = streamed(client, model=MODEL, messages=asked, tools=tools, tool_choice="any")
    message = first.choices[0].message
    assert message is not None
    calls = message.tool_calls or []
    results: list[Any] = [
        {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": "21 °C"}
        for call in calls
    ]
    second = client.chat.complete(model=MODEL, messages=[*asked, message, *results], tools=tools)

    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert all(len(call.id or "") == 9 and (call.id or "").isalnum() for call in calls)
    assert first.choices[0].finish_reason == "tool_calls"
    assert len(chunks[-1].choices[0].delta.tool_calls or []) == 2
    assert second.choices[0].message is not None
    assert second.choices[0].message.content == "The tool said: 21 °C"


def test_one_call_at_a_time(client: MistralGCP) -> None:
    """parallel_tool_calls=False, and a tool by its name."""
    asked: list[Any] = [{"role": "user", "content": "get_weather and get_time, please"}]
    tools: Any = [WEATHER, CLOCK]
    one = client.chat.complete(model=MODEL, messages=asked, tools=tools, parallel_tool_calls=False)
    named = client.chat.complete(
        model=MODEL,
        messages=asked,
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "get_time"}},
    )

    for answer, name in ((one, "get_weather"), (named, "get_time")):
        message = answer.choices[0].message
        assert message is not None
        assert [call.function.name for call in message.tool_calls or []] == [name]


def test_schema(client: MistralGCP) -> None:
    """A JSON schema is answered with what fits it."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    answer = client.chat.complete(
        model=MODEL,
        messages=HELLO,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": schema, "strict": True},
        },
    )

    assert answer.choices[0].message is not None
    assert json.loads(str(answer.choices[0].message.content)) == {"city": "example city"}


def test_thinking(client: MistralGCP) -> None:
    """Magistral's content is chunks: the thinking, then the text. This client does not know the
    first kind and keeps it as it came.
    """
    given: dict[str, Any] = {
        "model": "magistral-medium-2509",
        "messages": HELLO,
        "prompt_mode": "reasoning",
    }
    answer = client.chat.complete(**given)
    chunks = streamed(client, **given)

    assert answer.choices[0].message is not None
    [thinking, text] = answer.choices[0].message.content  # type: ignore[misc]
    thought = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "The user says: hello there."}],
    }
    assert thinking.raw == thought  # type: ignore[union-attr]
    assert text.text == SAID  # type: ignore[union-attr]
    parts = [part for c in chunks for part in _parts(c.choices[0].delta.content)]
    assert "".join(part for part in parts if isinstance(part, str)) == SAID
    assert len([part for part in parts if isinstance(part, dict)]) == 5


def _parts(content: object) -> list[Any]:
    """Texts as they are, and thinking as objects."""
    if not isinstance(content, list):
        return [content or ""]
    return [part.text if part.type == "text" else part.raw for part in content]


def test_prefix(client: MistralGCP) -> None:
    """An answer starts with the prefix."""
    answer = client.chat.complete(
        model=MODEL,
        messages=[*HELLO, {"role": "assistant", "content": "Well, ", "prefix": True}],
    )

    assert answer.choices[0].message is not None
    assert answer.choices[0].message.content == f"Well, {SAID}"


def test_images(client: MistralGCP) -> None:
    """An image's address stands alone or in an object."""
    url = "data:image/png;base64,iVBORw0KGgo="
    for image in (url, {"url": url}):
        content = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": image}]
        answer = client.chat.complete(
            model=MODEL,
            messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
        )
        assert answer.choices[0].message is not None
        assert answer.choices[0].message.content == "Simulated answer to: hi"


def test_how_it_ends(client: MistralGCP) -> None:
    """`length` by max_tokens, `model_length` where the context is full; several choices."""
    short = client.chat.complete(model=MODEL, messages=HELLO, max_tokens=2)
    full = client.chat.complete(
        model=MODEL, messages=[{"role": "user", "content": f"{FILL_THE_CONTEXT} now"}]
    )
    two = client.chat.complete(model=MODEL, messages=HELLO, n=2)

    assert short.choices[0].finish_reason == "length"
    assert full.choices[0].finish_reason == "model_length"
    assert [choice.index for choice in two.choices] == [0, 1]


def test_the_sdk_reads_a_422(client: MistralGCP) -> None:
    """The SDK's own error for what the body's validation refuses."""
    with pytest.raises(HTTPValidationError) as caught:
        client.chat.complete(model=MODEL, messages=HELLO, temperature=1.6)

    assert caught.value.status_code == 422
    assert "less than or equal to 1.5" in caught.value.body


def test_googles_errors(client: MistralGCP, vertex: PartnersSimulator) -> None:
    """A model that is not there, and a planned failure: Google's envelope, the SDK's error."""
    vertex.fail_next("status", status=429, model=MODEL)

    for model, status in ((MODEL, 429), ("mistral-unknown", 404)):
        with pytest.raises(SDKError) as caught:
            client.chat.complete(model=model, messages=HELLO)
        assert caught.value.status_code == status
        assert json.loads(caught.value.body)["error"]["code"] == status
