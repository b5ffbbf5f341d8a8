"""`/v1/responses` of every model type that only chats: what is refused, and what fails."""

from typing import Any

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.test_responses import chatting

pytestmark = pytest.mark.conformance(operation="responses", aspect="errors")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        (
            {"previous_response_id": "resp_1"},
            "previous_response_id",
            "the earlier items in `input`",
        ),
        ({"background": True}, "background", "cannot be used with the model"),
        ({"truncation": "auto"}, "truncation", "cannot be used with the model"),
        ({"conversation": "conv_1"}, "conversation", "not supported"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "'web_search'"),
        (
            {"input": [{"type": "item_reference", "id": "msg_1"}]},
            "input[0].type",
            "send the item itself",
        ),
    ],
)
@chatting("plain")
def test_what_it_cannot_do(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    fields: dict[str, Any],
    param: str,
    words: str,
) -> None:
    """A 400 that names the field and says what to do; the provider is not asked."""
    for stream in (True, False):
        asked: Any = {"model": model, "input": "x", "stream": stream} | fields
        with pytest.raises(openai.BadRequestError, match=words) as failed:
            client.responses.create(**asked)
        assert failed.value.param == param
    assert stage.upstream(model).requests == []


@chatting("plain")
def test_its_responses_are_not_kept(client: openai.OpenAI, model: str) -> None:
    """They are not found by their ids, nor gone on from, nor counted or compacted."""
    made = client.responses.create(model=model, input="hello there")
    with pytest.raises(openai.NotFoundError, match=made.id):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError, match="send the earlier items in `input`") as failed:
        client.responses.create(model=model, input="x", previous_response_id=made.id)
    assert failed.value.code == "previous_response_not_found"
    for ask in (client.responses.input_tokens.count, client.responses.compact):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(model=model, input="x")
        assert refused.value.code == "operation_not_supported"


@pytest.mark.parametrize("stream", [True, False])
@chatting("errors")
def test_a_busy_provider(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """A real status before anything was said."""
    stage.upstream(model).fail_next("status", status=429, headers={"retry-after": "7"})
    with pytest.raises(openai.RateLimitError) as failed:
        client.responses.create(model=model, input="hello there", stream=stream)
    assert failed.value.response.headers["retry-after"] == "7"
    assert stage.settled()[0]["cost_nano"] == 0


@pytest.mark.conformance(aspect=("errors", "stream"))
@chatting("errors")
def test_a_stream_that_breaks(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The SDK raises on the typed error event, which has the next number; it is settled once."""
    stage.upstream(model).fail_next("cut_mid_stream", after_events=8)
    events: list[Any] = []
    stream = client.responses.create(model=model, input="count to 200", stream=True)
    with pytest.raises(openai.APIError) as failed:
        events.extend(stream)
    assert isinstance(failed.value.body, dict)
    assert events[-1].type == "response.output_text.delta"
    [line] = stage.settled()
    assert line["outcome"] == "failed"
    assert line["cost_nano"] > 0
