"""OpenAI's own examples through the gateway, byte for byte."""

import json
import re

import pytest

from tests.api.proof.conftest import DEFAULTS, UPSTREAM_MODEL, Got, Stage, whole
from tests.api.proof.recorded import (
    ENDS_WITH_DONE,
    EXAMPLES,
    IN_JSON,
    PROVEN_APART,
    SERVED,
    Example,
    rows,
)
from tests.api.proof.texts import changed, top_level, written
from tests.api.proof.written_list import ANSWER_HEADERS, REQUEST_FIELDS, REQUEST_HEADERS
from tests.api.upstream_faults.scripted import events

_MODEL = re.compile(rb'"model"\s*:\s*"[^"]*"')
NAME = json.dumps(UPSTREAM_MODEL, ensure_ascii=False).encode()
SAME = [example for example in EXAMPLES if example.model is not None]
every_example = pytest.mark.parametrize("example", IN_JSON, ids=lambda each: each.source)


def _send(stage: Stage, example: Example, body: bytes, key: bytes = b"") -> Got:
    sound = b"audio/mpeg" if example.binary else b"application/json"
    framed = events(example.answer) if example.streamed else whole(example.answer, sound)
    return stage.send(example.operation, body, framed, key=key, kind=example.kind)


def _asks_for_usage(example: Example) -> dict[str, bytes]:
    """What the gateway sets so that the ledger learns the usage of a stream."""
    asks = example.streamed and example.operation in ENDS_WITH_DONE
    return {"stream_options": b'{"include_usage":true}'} if asks else {}


@pytest.mark.parametrize("example", SAME, ids=lambda each: each.source)
def test_nothing_changes(stage: Stage, example: Example) -> None:
    """Both ways the very bytes, where the model has one name and usage need not be asked for."""
    got = _send(stage, example, example.request)
    changes = _asks_for_usage(example)

    assert got.body == (written(changed(example.request, changes)) if changes else example.request)
    assert got.answer.body == example.answer
    assert got.headers["content-type"] == example.kind.decode()


@every_example
def test_only_the_model_changes(stage: Stage, example: Example) -> None:
    """Under another name, or named by the gateway: every other value keeps its bytes and place."""
    body = _MODEL.sub(b'"model": "renamed"', example.request)
    got = _send(stage, example, body, key=stage.only)
    changes = {"model": NAME, **_asks_for_usage(example)}

    assert top_level(got.body) == changed(body, changes)
    assert got.body == written(top_level(got.body))
    assert got.answer.body == example.answer


@every_example
def test_only_listed_things_change(stage: Stage, example: Example) -> None:
    """Fields and headers that differ stand in the written list."""
    body = _MODEL.sub(b'"model": "renamed"', example.request)
    got = _send(stage, example, body, key=stage.only)
    sent, received = dict(top_level(body)), dict(top_level(got.body))
    different = {name for name in sent | received if sent.get(name) != received.get(name)}

    assert different <= REQUEST_FIELDS
    named = got.answer.header("x-llmproxy-changed") or ""
    assert set(named.split(", ")) == different, "what has changed is named"
    assert set(got.headers) <= REQUEST_HEADERS
    assert {name for name, _ in got.answer.headers} <= ANSWER_HEADERS
    assert stage.only.decode() not in got.head.decode("latin-1")


@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
def test_defaults_of_a_document(stage: Stage, operation: str) -> None:
    """They are added where the request leaves them out, and nowhere else; together with the rest
    they are the whole list.
    """
    example = next(each for each in EXAMPLES if each.operation == operation and each.streamed)
    body = (
        b'{ "model":"defaults","stream":true,"prompt":"x","temperature":1E0,"top_p":null,'
        b'"messages":[{"role":"user","content":"x"}] }'
    )
    got = _send(stage, example, body)
    received = dict(top_level(got.body))

    assert received.pop("temperature") == b"1E0"
    assert {name: json.loads(received[name]) for name in DEFAULTS if name != "temperature"} == {
        name: value for name, value in DEFAULTS.items() if name != "temperature"
    }
    # The last one is proven in tests/api/responses: it needs a response to go on from.
    changes = {"model", "stream_options", *DEFAULTS, "previous_response_id"}
    assert changes == REQUEST_FIELDS, "docs/wire-changes.md lists what can change, and no more"


def test_usage_that_nobody_asked_for(stage: Stage) -> None:
    """The usage event is taken out, `[DONE]` is written once; asked for, all is as it came."""
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    done = b"data: [DONE]\n\n"
    body = b'{"model":"gpt-5.4","messages":[{"role":"user","content":"x"}],"stream":true%b}'
    asked = body % b',"stream_options":{ "include_usage" : true }'

    for answer, question, expected in (
        (chunk + usage + done, body % b"", chunk + done),
        (chunk + usage, body % b"", chunk + done),
        (chunk + usage + done, asked, chunk + usage + done),
    ):
        got = stage.send("chat/completions", question, events(answer))
        assert got.answer.body == expected
        assert (got.body == question) is (question == asked)


def test_every_example_is_accounted_for() -> None:
    """Each recorded operation is proven here or, for a reason, elsewhere."""
    operations = {row["operation"] for row in rows("requests.jsonl")}
    assert operations == {*SERVED, *PROVEN_APART}
    assert len(EXAMPLES) > 50
    assert all(row["why"] for row in rows("unused.jsonl"))
