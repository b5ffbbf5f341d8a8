"""Responses in one piece and in events, as openai-python sees them."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.api.asking import ask, bearer, within
from tests.api.responses.conftest import Stage

MODELS = ["mini", "thinker", "pair", "azure", "azure-dated"]
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class City(BaseModel):
    """What is asked for."""

    name: str


@pytest.mark.conformance(operation="responses", aspect=("plain", "usage"))
@pytest.mark.parametrize("model", MODELS)
def test_plain(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The text and the usage are the upstream's; the id is the gateway's."""
    answer = client.responses.create(model=model, input="hello")

    assert answer.output_text == "Simulated answer to: hello"
    assert answer.usage is not None
    assert answer.id.startswith("resp_")
    assert not any(answer.id in simulator.kept["responses"] for simulator in _used(stage))
    [line] = stage.settled()
    read, _, _, written, reasoned, *_, estimated = line["usage"]
    assert (read, written + reasoned) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert not estimated


def _used(stage: Stage) -> list[Any]:
    return [each for each in (stage.first, stage.second, stage.azure) if each.requests]


@pytest.mark.conformance(operation="responses", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", [*MODELS, "parrot"])
def test_streamed(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Every event in its order, one id in all that have one, and the whole at the end."""
    with client.responses.stream(model=model, input="hello") as stream:
        events = list(stream)
        final = stream.get_final_response()

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    ids = {event.response.id for event in events if hasattr(event, "response")}
    assert ids == {final.id}
    assert final.output_text.endswith("hello")
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][-1]) == ("finished", False)


@pytest.mark.conformance(operation="responses", provider="OpenAI", aspect=("plain", "tools"))
def test_parsed_raw_and_tools(client: openai.OpenAI) -> None:
    """What the SDK parses, shows raw, and calls."""
    parsed = client.responses.parse(model="mini", input="Recife", text_format=City)
    raw = client.responses.with_raw_response.create(model="mini", input="hello")
    called = client.responses.create(model="thinker", input="call a tool", tools=[TOOL])

    assert parsed.output_parsed == City(name="Recife")
    assert raw.headers["x-llmproxy-model"] == "mini"
    assert raw.parse().output_text == "Simulated answer to: hello"
    assert [item.type for item in called.output] == ["reasoning", "function_call"]


def test_bytes_but_for_ids(stage: Stage) -> None:
    """Every byte of an answer and of a stream is the upstream's, but for the ids."""
    headers = bearer(stage.alpha)
    for stream in (False, True):
        body = {"model": "mini", "input": "héllo", "stream": stream, "store": True}
        got = ask(stage.gateway.url, "/v1/responses", method="POST", headers=headers, body=body)
        upstream_id, entry = list(stage.first.kept["responses"].items())[-1]
        path = f"/v1/responses/{upstream_id}" + ("?stream=true" if stream else "")
        direct = ask(stage.first.url, path, headers=bearer("sk-simulator"))
        shown = _id_in(got.body)
        assert got.body.replace(shown, upstream_id.encode()) == direct.body
        assert got.body.count(shown) == (3 if stream else 1)
        assert entry["body"]["model"] == "gpt-4o-mini"


def _id_in(body: bytes) -> bytes:
    start = body.index(b"resp_")
    return body[start : body.index(b'"', start)]


def test_goes_on_where_it_was_made(client: openai.OpenAI, stage: Stage) -> None:
    """`previous_response_id` leads to the deployment that made it, and is shown as it was sent."""
    for _ in range(4):
        first = client.responses.create(model="pair", input="a")
        answer = client.responses.create(model="pair", input="b", previous_response_id=first.id)
        assert answer.previous_response_id == first.id
        assert answer.output_text == "Simulated answer to: b (after Simulated answer to: a)"
        with client.responses.stream(
            model="pair", input="c", previous_response_id=first.id
        ) as stream:
            assert stream.get_final_response().previous_response_id == first.id
    assert stage.first.requests
    assert stage.second.requests


def test_no_other_deployment_goes_on(client: openai.OpenAI, stage: Stage) -> None:
    """When the one that made it fails, none takes its place."""
    first = client.responses.create(model="pair", input="a")
    maker = next(each for each in (stage.first, stage.second) if each.requests)
    other = stage.second if maker is stage.first else stage.first
    maker.fail_next("status", status=503)
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model="pair", input="b", previous_response_id=first.id)
    assert not other.requests


@pytest.mark.conformance(operation="responses", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("kind", ["status", "response.failed"])
def test_failover_before_content(client: openai.OpenAI, stage: Stage, kind: str) -> None:
    """A failure before the first content moves the stream to the other deployment."""
    failed = {"type": "response.failed", "response": {"error": {"code": "x", "message": "m"}}}
    for simulator in (stage.first, stage.second):
        if kind == "status":
            simulator.fail_next("status", status=503, times=1)
        else:
            simulator.fail_next(
                "error_frame", after_events=2, body=json.dumps(failed).encode(), times=1
            )
    with (
        pytest.raises(openai.InternalServerError),
        client.responses.stream(model="pair", input="x") as stream,
    ):
        stream.until_done()
    stage.first.fail_next("status", status=503)
    for _ in range(2):
        with client.responses.stream(model="pair", input="x") as stream:
            assert stream.get_final_response().output_text == "Simulated answer to: x"


@pytest.mark.conformance(operation="responses", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("kind", ["cut_mid_stream", "error_frame", "reset_mid_stream"])
def test_broken_in_the_middle(client: openai.OpenAI, stage: Stage, kind: str) -> None:
    """The SDK raises after what came; the call is settled once, as an estimate."""
    stage.first.fail_next(kind, after_events=7, chunk_interval_ms=5)
    got: list[str] = []
    with pytest.raises(openai.APIError):
        got.extend(
            event.type
            for event in client.responses.create(model="mini", input="count to 50", stream=True)
        )

    assert got[-1] == "response.output_text.delta"
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][-1]) == ("failed", True)


@pytest.mark.conformance(operation="responses", provider="OpenAI", aspect="cancel")
def test_who_leaves_cancels(client: openai.OpenAI, stage: Stage) -> None:
    """The upstream's stream ends with its client's, and is settled as aborted."""
    stage.first.fail_next("hang_mid_stream", after_events=6)
    stream = client.responses.create(model="mini", input="count to 50", stream=True)
    next(iter(stream))
    stream.close()
    [record] = stage.first.requests
    record.wait_until_over()

    assert record.disconnected_after_ms is not None
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][-1]) == ("aborted", True)


@pytest.mark.conformance(operation="responses", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, None, "missing_required_parameter"),
        ({"input": 1}, "input", "invalid_type"),
        ({"input": "x", "max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"input": "x", "temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"input": "x", "conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        (
            {"input": "x", "previous_response_id": "resp_1"},
            "previous_response_id",
            "previous_response_not_found",
        ),
    ],
)
def test_refused(stage: Stage, fields: dict[str, Any], param: str | None, code: str) -> None:
    """The field at fault is named, and no upstream is asked."""
    got = ask(
        stage.gateway.url,
        "/v1/responses",
        method="POST",
        headers=bearer(stage.alpha),
        body={"model": "mini", **fields},
    )
    assert (got.status, got.error["param"], got.error["code"]) == (400, param, code)
    assert not stage.first.requests


def test_a_model_without_responses(client: openai.OpenAI) -> None:
    """The refusal names the operation and who offers it."""
    with pytest.raises(openai.BadRequestError, match=r"`Responses`.*mini") as failed:
        client.responses.create(model="chat-only", input="x")
    assert failed.value.code == "operation_not_supported"


def test_in_the_background(client: openai.OpenAI, stage: Stage) -> None:
    """It is polled and cancelled by its id; its price is the bound that was reserved."""
    made = client.responses.create(model="mini", input="hi", background=True, max_output_tokens=100)
    assert made.status == "queued"
    [line] = stage.settled()
    read, _, _, written, *_, estimated = line["usage"]
    assert (written, estimated, line["cost_nano"] > 0, read > 0) == (100, True, True, True)

    assert within(5.0, lambda: client.responses.retrieve(made.id).status == "completed")
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"
    stage.settled()
