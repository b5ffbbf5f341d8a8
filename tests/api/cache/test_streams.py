"""Streams that are given again, in the same form or in the other, as openai-python reads them."""

import itertools
from typing import Any

import openai
import pytest

from tests.api.cache.conftest import STATUS, Stage
from tests.simulators.faults import FaultKind

CHAT = "/v1/chat/completions"
WITH_USAGE = {"include_usage": True}
numbers = itertools.count()
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}


def _body(**further: Any) -> dict[str, Any]:  # noqa: ANN401
    content = f"streamed question {next(numbers)}"
    return {"model": "kept", "messages": [{"role": "user", "content": content}], **further}


def test_the_same_events(stage: Stage) -> None:
    """Byte for byte, with the same end; how they are framed into pieces may differ."""
    body = _body(stream=True)
    first, second = stage.post(CHAT, body), stage.post(CHAT, body)
    assert (first.headers[STATUS], second.headers[STATUS]) == ("miss", "hit")
    assert first.body == second.body
    assert second.body.endswith(b"data: [DONE]\n\n")
    assert second.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "age" in second.headers
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(2) == ["cached", "finished"]


@pytest.mark.parametrize("options", [None, WITH_USAGE])
def test_an_answer_serves_a_stream(
    stage: Stage, client: openai.OpenAI, options: dict[str, Any] | None
) -> None:
    """What the SDK puts together of the stream is the answer, its usage if it was asked for."""
    body = _body()
    whole = client.chat.completions.create(**body)
    asked = body | {"stream": True} | ({} if options is None else {"stream_options": options})
    chunks = list(client.chat.completions.create(**asked))

    said = "".join(choice.delta.content or "" for each in chunks for choice in each.choices)
    assert said == whole.choices[0].message.content
    assert {chunk.id for chunk in chunks} == {whole.id}
    finishes = [choice.finish_reason for each in chunks for choice in each.choices]
    assert finishes[-1] == whole.choices[0].finish_reason
    assert (chunks[-1].usage == whole.usage) is (options is not None)
    assert len(stage.upstream.requests) == 1


def test_the_sdks_own_reader(client: openai.OpenAI, stage: Stage) -> None:
    """`chat.completions.stream` accumulates the replayed stream to the same message, tools too."""
    body = _body(tools=[WEATHER], tool_choice="required")
    whole = client.chat.completions.create(**body)
    with client.chat.completions.stream(**body, stream_options=WITH_USAGE) as stream:
        again = stream.get_final_completion()
    calls = whole.choices[0].message.tool_calls
    assert calls
    heard = again.choices[0].message.tool_calls
    assert [_call(each) for each in heard or ()] == [_call(each) for each in calls]
    assert again.choices[0].finish_reason == whole.choices[0].finish_reason == "tool_calls"
    assert again.usage == whole.usage
    assert len(stage.upstream.requests) == 1


def _call(call: Any) -> tuple[str, str, str]:  # noqa: ANN401
    return call.id, call.function.name, call.function.arguments


def test_a_stream_serves_an_answer(stage: Stage, client: openai.OpenAI) -> None:
    """If it told its usage; one that did not is no answer in one piece, and a miss."""
    body = _body()
    streamed = body | {"stream": True, "stream_options": WITH_USAGE}
    chunks = list(client.chat.completions.create(**streamed))
    answer = stage.post(CHAT, body)
    assert answer.headers[STATUS] == "hit"
    assert answer.headers["content-type"] == "application/json"
    said = "".join(choice.delta.content or "" for each in chunks for choice in each.choices)
    assert answer.json["choices"][0]["message"]["content"] == said
    assert answer.json["usage"] == chunks[-1].to_dict()["usage"]
    assert answer.json["object"] == "chat.completion"

    body = _body()
    list(client.chat.completions.create(**body, stream=True))
    assert stage.post(CHAT, body).headers[STATUS] == "miss"
    assert stage.post(CHAT, body).headers[STATUS] == "hit"
    assert stage.post(CHAT, body | {"stream": True}).headers[STATUS] == "hit"


def test_responses_serve_each_other(stage: Stage, client: openai.OpenAI) -> None:
    """A response and its events, either way; the SDK's reader ends with the same response."""
    asked = {"model": "thinker", "input": f"think of {next(numbers)}"}
    whole = client.responses.create(**asked)  # type: ignore[call-overload]
    with client.responses.stream(**asked) as stream:
        said = "".join(
            event.delta for event in stream if event.type == "response.output_text.delta"
        )
        again = stream.get_final_response()
    assert said == whole.output_text
    assert again.id == whole.id
    assert again.output_text == whole.output_text

    asked = {"model": "thinker", "input": f"think of {next(numbers)}"}
    with client.responses.stream(**asked) as stream:
        stream.until_done()
        first = stream.get_final_response()
    raw = stage.post("/v1/responses", asked)
    assert raw.headers[STATUS] == "hit"
    assert (raw.json["id"], raw.json["status"]) == (first.id, "completed")
    assert client.responses.retrieve(first.id).id == first.id
    assert len([each for each in stage.upstream.requests if each.method == "POST"]) == 2


@pytest.mark.parametrize(
    "kind", [FaultKind.CUT_MID_STREAM, FaultKind.RESET_MID_STREAM, FaultKind.ERROR_FRAME]
)
def test_cut_streams_are_not_kept(stage: Stage, client: openai.OpenAI, kind: FaultKind) -> None:
    """The client is told, and the next question asks the provider."""
    body = _body(stream=True)
    stage.upstream.fail_next(kind)
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**body))
    assert stage.post(CHAT, body).headers[STATUS] == "miss"
    assert stage.post(CHAT, body).headers[STATUS] == "hit"


def test_speech(stage: Stage) -> None:
    """Bytes and events of speech are kept apart."""
    body = {"model": "speaker", "input": f"say {next(numbers)}", "voice": "alloy"}
    events = body | {"stream_format": "sse"}
    seen = [
        stage.post("/v1/audio/speech", each).headers[STATUS]
        for each in (body, events, body, events)
    ]
    assert seen == ["miss", "miss", "hit", "hit"]


def test_images(stage: Stage) -> None:
    """Streamed images are given again as events."""
    body = {"model": "painter", "prompt": f"otter {next(numbers)}", "size": "1024x1024"}
    streamed = body | {"stream": True, "partial_images": 1}
    first, second = (stage.post("/v1/images/generations", streamed) for _ in range(2))
    assert (first.headers[STATUS], second.headers[STATUS]) == ("miss", "hit")
    assert first.body == second.body
