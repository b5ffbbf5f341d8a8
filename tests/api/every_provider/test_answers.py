"""Every operation of every provider as openai-python sees it: answers, events, tools and usage."""

from collections.abc import Mapping
from typing import Any

import openai
import pytest

from tests.api.every_provider.conftest import INPUT_NANO, OUTPUT_NANO, Stage
from tests.api.every_provider.rows import REMOTE, ROWS, SPOKEN, cases
from tests.simulators.bodies import WEATHER
from tests.simulators.operations.speech import audio

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

UNTOLD = {"audio/speech", "images/variations", "audio/translations"}
"""Nothing is said of their tokens, by which these models are priced: what they took is a guess."""

ALL = pytest.mark.parametrize(("operation", "model"), cases())
COUNTED = pytest.mark.parametrize(("operation", "model"), cases(lambda row: bool(row.used)))
STREAMED = pytest.mark.parametrize(
    ("operation", "model"), cases(lambda row: row.streamed is not None)
)
SPEAKERS = [model for _, model in cases(lambda row: row.kind == "speaker")]
TALKERS = [model for _, model in cases(lambda row: row is ROWS["responses"], places=REMOTE)]
MODELS = [model for _, model in cases(lambda row: row is ROWS["embeddings"])]
TOOL: Any = {"type": "function", "strict": False, **WEATHER["function"]}


@pytest.mark.conformance(aspect="plain")
@ALL
def test_plain(client: openai.OpenAI, operation: str, model: str) -> None:
    """The answer is the provider's, whichever way leads to it."""
    row = ROWS[operation]
    answer = row.ask(client, model)

    assert row.told(answer) == row.said_by(model)


@pytest.mark.conformance(aspect="usage")
@COUNTED
def test_usage(client: openai.OpenAI, stage: Stage, operation: str, model: str) -> None:
    """What the answer says was used is what the journal holds and charges."""
    row = ROWS[operation]
    answer = row.ask(client, model)

    [line] = stage.settled()
    _check_used(line, row.used_by(model), model)
    assert line["usage"][13] is (operation in UNTOLD)
    reported = getattr(answer, "usage", None)
    read = getattr(reported, "prompt_tokens", getattr(reported, "input_tokens", None))
    assert read in {None, line["usage"][0] + line["usage"][5]}


@pytest.mark.conformance(aspect="stream")
@STREAMED
def test_stream(client: openai.OpenAI, operation: str, model: str) -> None:
    """Events arrive one by one and are together what was to be said."""
    row = ROWS[operation]
    heard = [row.heard(event) for event in row.stream(client, model)]

    assert "".join(heard) == (row.hearing or row.said_by(model))
    assert len([each for each in heard if each]) > 1


@pytest.mark.conformance(aspect="usage")
@STREAMED
def test_usage_of_a_stream(client: openai.OpenAI, stage: Stage, operation: str, model: str) -> None:
    """It is known and charged although nobody asked for it."""
    row = ROWS[operation]
    for _ in row.stream(client, model):
        continue

    [line] = stage.settled()
    _check_used(line, row.used_by(model, streaming=True), model)
    assert line["usage"][13] is False


def _check_used(line: Mapping[str, Any], used: Mapping[int, int], model: str) -> None:
    assert line["outcome"] == "finished"
    assert {position: line["usage"][position] for position in used} == used
    if not used.keys() - {0, 3, 10}:
        free = model.startswith("echo")
        cost = used[0] * INPUT_NANO + used[3] * OUTPUT_NANO
        assert line["cost_nano"] == (0 if free else cost)


@pytest.mark.conformance(operation="audio/speech", aspect="stream")
@pytest.mark.parametrize("model", SPEAKERS)
def test_speech_as_it_is_made(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The first bytes are there before the last are made."""
    stage.upstream(model).fail_next("slow_drip", drip_bytes=20_000, chunk_interval_ms=50)
    with client.audio.speech.with_streaming_response.create(
        model=model, input=SPOKEN, voice="coral"
    ) as answer:
        pieces = answer.iter_bytes(20_000)
        first = next(pieces)
        [record] = stage.upstream(model).requests
        assert record.answered_after_ms is None
        whole = first + b"".join(pieces)

    assert whole == audio(SPOKEN, "coral", "mp3")


@pytest.mark.conformance(operation="responses", aspect="tools")
@pytest.mark.parametrize("model", TALKERS)
def test_tools_of_responses(client: openai.OpenAI, model: str) -> None:
    """A function is called, plain and streamed; chat's are in `test_chat_python_sdk.py`."""
    plain = client.responses.create(model=model, input="call a tool", tools=[TOOL])
    with client.responses.stream(model=model, input="call a tool", tools=[TOOL]) as stream:
        streamed = stream.get_final_response()

    for answer in (plain, streamed):
        [call] = answer.output
        assert call.type == "function_call"
        assert (call.name, call.arguments) == ("get_weather", '{"city":"Recife"}')


@pytest.mark.conformance(operation="responses by id", aspect="plain")
@pytest.mark.parametrize("model", TALKERS)
def test_a_stored_response(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """It is read, listed, cancelled and deleted where it was made; only its making is charged."""
    made = client.responses.create(model=model, input="hello there", background=True)
    client.responses.retrieve(made.id)
    again = client.responses.retrieve(made.id)
    items = client.responses.input_items.list(made.id)
    cancelled = client.responses.cancel(made.id)
    client.responses.delete(made.id)

    assert (again.id, again.output_text) == (made.id, ROWS["responses"].answer)
    assert [item.type for item in items.data] == ["message"]
    assert (cancelled.id, cancelled.status) == (made.id, "cancelled")
    assert len(stage.upstream(model).requests) == 6
    stage.settled()


@pytest.mark.conformance(operation="responses by id", aspect="stream")
@pytest.mark.parametrize("model", TALKERS)
def test_a_stored_response_in_events(client: openai.OpenAI, model: str) -> None:
    """Its events can be read again, from the first or from the middle."""
    made = client.responses.create(model=model, input="hello there", background=True)
    events = list(client.responses.retrieve(made.id, stream=True))
    rest = list(client.responses.retrieve(made.id, stream=True, starting_after=4))

    assert "".join(map(ROWS["responses"].heard, events)) == ROWS["responses"].answer
    assert [event.sequence_number for event in rest] == list(range(5, len(events)))


@pytest.mark.conformance(operation="models", aspect="plain")
@pytest.mark.parametrize("model", MODELS)
def test_models(client: openai.OpenAI, model: str) -> None:
    """Every registered model is listed and found, whoever provides it."""
    assert model in {each.id for each in client.models.list()}
    assert client.models.retrieve(model).id == model
