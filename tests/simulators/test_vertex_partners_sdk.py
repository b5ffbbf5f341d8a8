"""Vertex AI's open models, proven by openai-python."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.simulators.bodies import HELLO, WEATHER, Recipe
from tests.simulators.partners.maas import MAAS_MODELS, SAY_NOTHING
from tests.simulators.runner import running
from tests.simulators.vertex import VertexSimulator
from tests.simulators.vertex_partners import PartnersSimulator, VertexPartners

DEEPSEEK = "deepseek-ai/deepseek-v3.2-maas"
LLAMA = "meta/llama-4-maverick-17b-128e-instruct-maas"
GPT_OSS = "openai/gpt-oss-120b-maas"


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[PartnersSimulator]:
    with running(PartnersSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="vertex")
def _vertex(listening: PartnersSimulator) -> PartnersSimulator:
    listening.reset()
    listening.partners.errors_in_array = True
    return listening


@pytest.fixture(name="client")
def _client(vertex: PartnersSimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=vertex.openapi_url(), api_key="vertex-token", max_retries=0
    ) as client:
        yield client


def chunks_of(
    client: openai.OpenAI,
    **given: Any,  # noqa: ANN401 - what the SDK takes
) -> list[ChatCompletionChunk]:
    """All chunks of a streamed call."""
    with client.chat.completions.create(stream=True, **given) as stream:
        return list(stream)


def text_in(chunks: list[ChatCompletionChunk]) -> str:
    """What they say together."""
    said = (choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    return "".join(said)


@pytest.mark.parametrize("model", list(MAAS_MODELS))
def test_every_model(client: openai.OpenAI, model: str) -> None:
    """Plain and streamed say the same, and both are counted."""
    plain = client.chat.completions.create(model=model, messages=HELLO, max_tokens=50)
    chunks = chunks_of(
        client,
        model=model,
        messages=HELLO,
        max_tokens=50,
        stream_options={"include_usage": True},
    )

    assert plain.choices[0].message.content == "Simulated answer to: hello there"
    assert text_in(chunks) == plain.choices[0].message.content
    assert plain.usage == chunks[-1].usage
    assert chunks[-1].choices == []
    assert plain.model == model
    assert "system_fingerprint" not in plain.model_fields_set


def test_no_usage_unless_asked(client: openai.OpenAI) -> None:
    """Without include_usage no chunk is counted."""
    chunks = chunks_of(client, model=DEEPSEEK, messages=HELLO)

    assert [chunk for chunk in chunks if chunk.usage] == []
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_thinks_aloud(client: openai.OpenAI) -> None:
    """DeepSeek's reasoning stands beside the text, and is counted."""
    plain = client.chat.completions.create(model=DEEPSEEK, messages=HELLO)
    chunks = chunks_of(client, model=DEEPSEEK, messages=HELLO)

    thought = "The user says: hello there."
    assert plain.choices[0].message.to_dict()["reasoning_content"] == thought
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks]
    assert "".join(str(delta.get("reasoning_content") or "") for delta in deltas) == thought
    assert plain.usage is not None
    assert plain.usage.completion_tokens_details is not None
    assert plain.usage.completion_tokens_details.reasoning_tokens == 5
    assert plain.usage.to_dict()["extra_properties"] == {"google": {"traffic_type": "ON_DEMAND"}}


def test_llama_has_no_role(client: openai.OpenAI) -> None:
    """Llama's deltas have no role; DeepSeek's first has."""
    llama = chunks_of(client, model=LLAMA, messages=HELLO)
    deepseek = chunks_of(client, model=DEEPSEEK, messages=HELLO)

    assert {choice.delta.role for chunk in llama for choice in chunk.choices} == {None}
    assert deepseek[0].choices[0].delta.role == "assistant"


def test_llama_says_nothing(client: openai.OpenAI) -> None:
    """An empty answer is one chunk with role and finish_reason."""
    [only] = chunks_of(client, model=LLAMA, messages=[{"role": "user", "content": SAY_NOTHING}])

    assert only.choices[0].delta.role == "assistant"
    assert only.choices[0].delta.content == ""
    assert only.choices[0].finish_reason == "stop"


def test_tools_over_two_turns(client: openai.OpenAI) -> None:
    """A call, its result, and an answer; streamed it is the same call."""
    asked: list[Any] = [{"role": "user", "content": "How warm is it?"}]
    first = client.chat.completions.create(model=LLAMA, messages=asked, tools=[WEATHER])  # type: ignore[list-item]
    chunks = chunks_of(client, model=LLAMA, messages=asked, tools=[WEATHER])
    message = first.choices[0].message
    assert message.tool_calls
    call = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "21 °C"}
    second = client.chat.completions.create(
        model=LLAMA,
        messages=[*asked, message.to_dict(), result],
        tools=[WEATHER],  # type: ignore[list-item]
    )

    assert first.choices[0].finish_reason == "tool_calls"
    pieces = [p for c in chunks for o in c.choices for p in o.delta.tool_calls or ()]
    assert "".join(p.function.arguments or "" for p in pieces if p.function) == (
        call.function.arguments  # type: ignore[union-attr]
    )
    assert second.choices[0].message.content == "The tool said: 21 °C"


def test_structured_output(client: openai.OpenAI) -> None:
    """A schema is answered with what fits it."""
    done = client.chat.completions.parse(model=GPT_OSS, messages=HELLO, response_format=Recipe)

    assert done.choices[0].message.parsed is not None
    assert done.choices[0].message.parsed.vegan is True


def test_effort(client: openai.OpenAI, vertex: PartnersSimulator) -> None:
    """gpt-oss takes reasoning_effort; the others refuse it, and gpt-oss what it does not know."""
    client.chat.completions.create(model=GPT_OSS, messages=HELLO, reasoning_effort="low")
    for model, effort in ((LLAMA, "low"), (GPT_OSS, "minimal")):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(
                model=model,
                messages=HELLO,
                reasoning_effort=effort,  # type: ignore[arg-type]
            )
        assert "reasoning_effort" in caught.value.response.text

    assert [request.status for request in vertex.requests] == [200, 400, 400]


@pytest.mark.parametrize(
    "field",
    [
        {"max_completion_tokens": 5},
        {"store": True},
        {"metadata": {"a": "b"}},
        {"service_tier": "default"},
        {"verbosity": "low"},
    ],
)
def test_openais_own_parameters(client: openai.OpenAI, field: dict[str, Any]) -> None:
    """What only OpenAI has is refused by its name, in an array of one."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=LLAMA, messages=HELLO, **field)

    [envelope] = caught.value.response.json()
    assert envelope["error"]["status"] == "INVALID_ARGUMENT"
    assert next(iter(field)) in envelope["error"]["message"]


@pytest.mark.parametrize(
    "model",
    [
        LLAMA.removeprefix("meta/"),
        f"meta/{LLAMA}",
        "openai/llama-4-maverick-17b-128e-instruct-maas",
        "",
    ],
)
@pytest.mark.parametrize("in_array", [True, False])
def test_unknown_publishers(
    client: openai.OpenAI, vertex: PartnersSimulator, model: str, *, in_array: bool
) -> None:
    """A name without its publisher, with two, or with another one is not found."""
    vertex.partners.errors_in_array = in_array

    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)

    answer = caught.value.response.json()
    error = (answer[0] if in_array else answer)["error"]
    assert error["code"] == 404
    assert error["status"] == "NOT_FOUND"


def test_the_token(vertex: PartnersSimulator) -> None:
    """Another token, or none, is a 401 of Google's front end."""
    with (
        openai.OpenAI(base_url=vertex.openapi_url(), api_key="other", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(model=LLAMA, messages=HELLO)
    bare = httpx.post(f"{vertex.openapi_url()}/chat/completions", json={"model": LLAMA})

    assert caught.value.response.json()["error"]["status"] == "UNAUTHENTICATED"
    assert bare.status_code == 401
    assert "CREDENTIALS_MISSING" in bare.text


def test_faults(client: openai.OpenAI, vertex: PartnersSimulator) -> None:
    """Planned failures come in Google's words; a stream breaks off with Google's error."""
    vertex.fail_next("status", status=429, model=LLAMA)
    vertex.fail_next("error_frame", model=LLAMA)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=LLAMA, messages=HELLO)
    raw = client.chat.completions.with_raw_response.create(model=LLAMA, messages=HELLO, stream=True)

    assert caught.value.response.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert '"status":"UNAVAILABLE"' in raw.http_response.read().decode()


def test_models_of_google_are_not_served(client: openai.OpenAI) -> None:
    """Gemini on this endpoint is another simulator's."""
    with pytest.raises(openai.NotFoundError, match="Not found"):
        client.chat.completions.create(model="google/gemini-2.5-flash", messages=HELLO)


def test_beside_gemini() -> None:
    """As a part of the host of Vertex AI, which serves the rest."""
    host = VertexSimulator(also=(VertexPartners(),))
    with running(host) as vertex:
        base_url = f"{vertex.url}/v1/projects/p/locations/global/endpoints/openapi"
        with openai.OpenAI(base_url=base_url, api_key="vertex-token", max_retries=0) as client:
            answer = client.chat.completions.create(model=DEEPSEEK, messages=HELLO)
            with pytest.raises(openai.NotFoundError) as caught:
                client.chat.completions.create(model="meta/unknown", messages=HELLO)
        with (
            openai.OpenAI(base_url=base_url, api_key="other", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.chat.completions.create(model=DEEPSEEK, messages=HELLO)

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert caught.value.response.json()[0]["error"]["status"] == "NOT_FOUND"
