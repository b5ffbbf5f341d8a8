"""Responses, proven by openai-python pointed straight at the simulators."""

from collections.abc import Iterator

import openai
import pytest

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator


@pytest.fixture(name="asked", params=["openai", "azure-v1"])
def _asked(
    request: pytest.FixtureRequest,
    openai_simulator: OpenAISimulator,
    azure_simulator: AzureOpenAISimulator,
) -> Iterator[tuple[openai.OpenAI, str]]:
    url, key, model = (
        (openai_simulator.base_url, "sk-simulator", "gpt-4o-mini")
        if request.param == "openai"
        else (azure_simulator.base_url, "azure-key", "chat")
    )
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        yield client, model


def test_plain_and_streamed(asked: tuple[openai.OpenAI, str]) -> None:
    """The SDK puts the events together to the same response."""
    client, model = asked
    plain = client.responses.create(model=model, input="hello")
    with client.responses.stream(model=model, input="hello") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert plain.output_text == final.output_text == "Simulated answer to: hello"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    short = client.responses.create(model=model, input="count to 50", max_output_tokens=16)
    assert short.status == "incomplete"


def test_stored(asked: tuple[openai.OpenAI, str]) -> None:
    """Read, listed, gone on from, deleted, and then unknown."""
    client, model = asked
    made = client.responses.create(model=model, input="a")
    assert client.responses.retrieve(made.id).output_text == made.output_text
    assert [event.type for event in client.responses.retrieve(made.id, stream=True)]
    assert len(client.responses.input_items.list(made.id).data) == 1
    answer = client.responses.create(model=model, input="b", previous_response_id=made.id)
    assert answer.previous_response_id == made.id
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as failed:
        client.responses.create(model=model, input="b", previous_response_id=made.id)
    assert failed.value.code == "previous_response_not_found"


def test_background_counting_and_compacting(asked: tuple[openai.OpenAI, str]) -> None:
    """A queued one is done at the second look; only such a one can be cancelled."""
    client, model = asked
    made = client.responses.create(model=model, input="a", background=True)
    assert [client.responses.retrieve(made.id).status for _ in range(2)] == ["queued", "completed"]
    assert client.responses.cancel(made.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(client.responses.create(model=model, input="a").id)
    assert client.responses.input_tokens.count(model=model, input="a b").input_tokens == 2
    assert client.responses.compact(model=model, input="a b").output[0].type == "compaction"
