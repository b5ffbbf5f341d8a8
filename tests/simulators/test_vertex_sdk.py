"""The Vertex AI simulator's chat, proven by google-genai."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from tests.simulators.bodies import Recipe
from tests.simulators.gemini.client import client_of
from tests.simulators.runner import running
from tests.simulators.vertex import VertexSimulator

FLASH = "gemini-2.5-flash"
THREE = "gemini-3-pro-preview"
HELLO = "hello there"
SAID = "Simulated answer to: hello there"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[VertexSimulator]:
    with running(VertexSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: VertexSimulator) -> Iterator[genai.Client]:
    with client_of(simulator) as client:
        yield client


def _stream(
    client: genai.Client,
    model: str,
    contents: Any,  # noqa: ANN401 - whatever the SDK takes
    **config: Any,  # noqa: ANN401 - the fields of GenerateContentConfig
) -> list[Any]:
    return list(
        client.models.generate_content_stream(model=model, contents=contents, config=config)
    )


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_answers(simulator: VertexSimulator, version: str) -> None:
    """Both versions answer, with the counts by modality; the token goes as a bearer."""
    with client_of(simulator, api_version=version) as client:
        answer = client.models.generate_content(model=FLASH, contents=HELLO)

    assert answer.text == SAID
    assert (answer.model_version, bool(answer.response_id)) == (FLASH, True)
    assert answer.create_time is not None
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (8, 5)
    assert usage.thoughts_token_count == 64
    assert usage.total_token_count == 8 + 5 + 64
    assert usage.prompt_tokens_details[0].modality == "TEXT"
    [record] = simulator.requests
    assert record.path.startswith(f"/{version}/projects/simulated/locations/us-central1/")
    assert record.header("authorization") == "Bearer vertex-token"


def test_streams(client: genai.Client, simulator: VertexSimulator) -> None:
    """Chunks say the text bit by bit, count up, and the last has the reason; no [DONE]."""
    chunks = _stream(client, FLASH, HELLO)

    assert "".join(chunk.text or "" for chunk in chunks) == SAID
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert (set(reasons[:-1]), reasons[-1]) == ({None}, "STOP")
    totals = [chunk.usage_metadata.total_token_count for chunk in chunks]
    assert totals == sorted(totals)
    assert totals[-1] == 8 + 5 + 64
    assert len({chunk.response_id for chunk in chunks}) == 1
    assert simulator.requests[0].query == (("alt", "sse"),)


def test_the_async_client_streams(simulator: VertexSimulator) -> None:
    """The asynchronous client reads the same stream."""

    async def ask() -> str:
        async with client_of(simulator).aio as client:
            said = await client.models.generate_content_stream(model=FLASH, contents=HELLO)
            return "".join([chunk.text or "" async for chunk in said])

    assert asyncio.run(ask()) == SAID


def test_remembers_what_was_said(client: genai.Client) -> None:
    """A conversation with a system instruction counts as such, and the last message is answered."""
    chat = client.chats.create(
        model=FLASH, config=types.GenerateContentConfig(system_instruction="be brief")
    )
    chat.send_message("first")
    answer = chat.send_message("second")

    assert answer.text == "Simulated answer to: second"
    # four messages of 3 + their words (2, 1, 4, 1), and 3 for the answer
    assert answer.usage_metadata.prompt_token_count == 4 * 3 + 2 + 1 + 4 + 1 + 3


@pytest.mark.parametrize("kind", ["response_schema", "response_json_schema"])
def test_follows_a_schema(client: genai.Client, kind: str) -> None:
    """Both kinds of schema are answered with what fits them."""
    schema = Recipe if kind == "response_schema" else Recipe.model_json_schema()
    answer = client.models.generate_content(
        model=FLASH,
        contents=HELLO,
        config={"response_mime_type": "application/json", kind: schema},
    )

    assert len(Recipe.model_validate_json(str(answer.text)).steps) == 2


def test_answers_in_plain_json_and_enums(client: genai.Client) -> None:
    """Without a schema any JSON comes; an enum comes bare."""
    told = client.models.generate_content(
        model=FLASH, contents=HELLO, config={"response_mime_type": "application/json"}
    )
    chosen = client.models.generate_content(
        model=FLASH,
        contents=HELLO,
        config={
            "response_mime_type": "text/x.enum",
            "response_schema": {"type": "STRING", "enum": ["EAST", "WEST"]},
        },
    )

    assert json.loads(str(told.text)) == {"answer": HELLO}
    assert chosen.text == "EAST"


def test_shows_its_thoughts(client: genai.Client) -> None:
    """Thoughts come before the text where they are asked for, and are counted in any case."""
    config = {"thinking_config": {"include_thoughts": True, "thinking_budget": 32}}
    whole = client.models.generate_content(model=FLASH, contents=HELLO, config=config)
    chunks = _stream(client, THREE, HELLO, thinking_config={"include_thoughts": True})
    off = client.models.generate_content(
        model=FLASH, contents=HELLO, config={"thinking_config": {"thinking_budget": 0}}
    )

    parts = whole.candidates[0].content.parts
    assert [(part.thought, part.text) for part in parts] == [
        (True, f"The user says: {HELLO}."),
        (None, SAID),
    ]
    assert whole.usage_metadata.thoughts_token_count == 32
    assert chunks[0].candidates[0].content.parts[0].thought
    assert chunks[-1].candidates[0].content.parts[0].thought_signature
    assert off.usage_metadata.thoughts_token_count is None


def test_tells_its_logprobs(client: genai.Client) -> None:
    """Every token has its probability and as many alternatives as were asked for."""
    config = {"response_logprobs": True, "logprobs": 2}
    answer = client.models.generate_content(model=FLASH, contents=HELLO, config=config)
    chunks = _stream(client, FLASH, HELLO, **config)

    told = answer.candidates[0].logprobs_result
    assert "".join(chosen.token for chosen in told.chosen_candidates) == SAID
    assert [len(top.candidates) for top in told.top_candidates] == [2] * 5
    assert answer.candidates[0].avg_logprobs == pytest.approx(-0.125)
    streamed = [chunk.candidates[0].logprobs_result.chosen_candidates for chunk in chunks]
    assert [len(each) for each in streamed] == [1] * 5


def test_stops_where_it_is_told_to(client: genai.Client) -> None:
    """The limit of tokens, stop sequences and the number of candidates do what they do."""
    cut = client.models.generate_content(
        model=FLASH, contents=HELLO, config={"max_output_tokens": 2}
    )
    stopped = client.models.generate_content(
        model=FLASH, contents="count to 9", config={"stop_sequences": ["4"]}
    )
    several = client.models.generate_content(
        model=FLASH, contents=HELLO, config={"candidate_count": 2}
    )
    chunks = _stream(client, FLASH, HELLO, candidate_count=2)

    assert (cut.text, cut.candidates[0].finish_reason) == ("Simulated answer", "MAX_TOKENS")
    assert stopped.text == "1 2 3 "
    assert [each.index or 0 for each in several.candidates] == [0, 1]
    ended = [each.index or 0 for c in chunks for each in c.candidates if each.finish_reason]
    assert ended == [0, 1]


def test_takes_every_setting(client: genai.Client, simulator: VertexSimulator) -> None:
    """Everything that the documentation names is taken."""
    config = types.GenerateContentConfig(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        media_resolution="MEDIA_RESOLUTION_LOW",
        labels={"team": "blue"},
        cached_content="projects/simulated/locations/us-central1/cachedContents/1",
        safety_settings=[
            types.SafetySetting(category="HARM_CATEGORY_HATE_SPEECH", threshold="BLOCK_ONLY_HIGH")
        ],
    )
    answer = client.models.generate_content(model=FLASH, contents=HELLO, config=config)

    assert answer.usage_metadata.cached_content_token_count == 2048
    assert answer.usage_metadata.prompt_token_count == 2048 + 8
    assert simulator.requests[0].json["labels"] == {"team": "blue"}


def test_sees_pictures(client: genai.Client) -> None:
    """A picture, inline or by address, is counted as such."""
    parts = [
        types.Part.from_bytes(data=PNG, mime_type="image/png"),
        types.Part.from_uri(file_uri="gs://bucket/cat.jpg", mime_type="image/jpeg"),
        types.Part(text=HELLO),
    ]
    answer = client.models.generate_content(model=FLASH, contents=parts)

    assert answer.text == SAID
    details = answer.usage_metadata.prompt_tokens_details
    assert {each.modality.value: each.token_count for each in details} == {"TEXT": 8, "IMAGE": 516}


def test_counts_tokens(client: genai.Client) -> None:
    """`countTokens` says what the prompt would be."""
    assert client.models.count_tokens(model=FLASH, contents=HELLO).total_tokens == 8


@pytest.mark.parametrize("stream", [False, True])
def test_blocks_a_prompt(client: genai.Client, stream: bool) -> None:  # noqa: FBT001
    """A blocked prompt has a reason and no candidates."""
    said = "trigger the prompt filter"
    answers = (
        _stream(client, FLASH, said)
        if stream
        else [client.models.generate_content(model=FLASH, contents=said)]
    )

    [answer] = answers
    assert answer.candidates is None
    assert answer.prompt_feedback.block_reason == "PROHIBITED_CONTENT"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("trigger the output filter", "SAFETY"),
        ("trigger a malformed function call", "MALFORMED_FUNCTION_CALL"),
        ("trigger the recitation check", "RECITATION"),
        ("trigger the blocklist", "BLOCKLIST"),
    ],
)
def test_stops_for_other_reasons(
    client: genai.Client,
    said: str,
    reason: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """An answer that is stopped has a reason and no parts."""
    answers = (
        _stream(client, FLASH, said)
        if stream
        else [client.models.generate_content(model=FLASH, contents=said)]
    )

    last = answers[-1].candidates[0]
    assert last.finish_reason == reason
    assert not last.content.parts
