"""What fails in the operations beside chat: whose fault it is, and what it costs."""

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.api.asking import within
from tests.api.operations.conftest import Stage
from tests.api.raw import connected, post

Ask = Callable[[openai.OpenAI, str], object]
ASK: dict[str, tuple[str, Ask]] = {
    "embeddings": (
        "embedder",
        lambda client, model: client.embeddings.create(model=model, input="x"),
    ),
    "completions": (
        "instruct",
        lambda client, model: client.completions.create(model=model, prompt="x"),
    ),
    "moderations": (
        "moderator",
        lambda client, model: client.moderations.create(model=model, input="x"),
    ),
    "images/generations": (
        "painter",
        lambda client, model: client.images.generate(model=model, prompt="x"),
    ),
}
OPERATIONS = sorted(ASK)
ERRORS = pytest.mark.conformance(provider="OpenAI", aspect="errors")


@ERRORS
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, openai.BadRequestError, "refused"),
        (401, openai.InternalServerError, "upstream_credentials"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (503, openai.InternalServerError, "upstream_error"),
    ],
)
def test_statuses_become_classes(
    client: openai.OpenAI,
    stage: Stage,
    operation: str,
    status: int,
    error: type[openai.APIStatusError],
    code: str,
) -> None:
    """The upstream's status decides the class, and nothing is paid."""
    model, ask = ASK[operation]
    stage.first.fail_next("status", status=status)
    with pytest.raises(error) as failed:
        ask(client, model)

    assert failed.value.code == code
    assert failed.value.request_id
    [line] = stage.settled()
    assert (line["error"], line["cost_nano"]) == (code, 0)
    assert line["outcome"] == ("refused" if status == 400 else "failed")


@ERRORS
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", ["null", "truncated_json", "html", "empty_body", "garbage"])
def test_what_is_no_answer(client: openai.OpenAI, stage: Stage, operation: str, kind: str) -> None:
    """A 200 that is not what was asked for is a 502, never half an answer."""
    model, ask = ASK[operation]
    stage.first.fail_next(kind)
    with pytest.raises(openai.InternalServerError) as failed:
        ask(client, model)

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_error")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("reset_before_headers", "upstream_connection_lost"),
        ("status", "upstream_error"),
        ("cut_mid_stream", "upstream_connection_lost"),
    ],
)
def test_failover(
    client: openai.OpenAI, stage: Stage, operation: str, kind: str, code: str
) -> None:
    """One deployment fails: the other one answers, and both attempts are on record."""
    model, ask = ASK[operation]
    stage.first.fail_next(kind, times=None)
    for _ in range(2):
        ask(client, f"{model}-pair")

    lines = stage.settled(2)
    assert [line["outcome"] for line in lines] == ["finished", "finished"]
    attempts = sorted(([each["error"] for each in line["attempts"]] for line in lines), key=len)
    assert attempts == [[None], [code, None]]


@ERRORS
@pytest.mark.parametrize("operation", OPERATIONS)
def test_bad_requests(client: openai.OpenAI, stage: Stage, operation: str) -> None:
    """Refused at the desk, in OpenAI's words and class; nothing is sent, nothing recorded."""
    model, ask = ASK[operation]
    wrong: dict[str, dict[str, Any]] = {
        "embeddings": {"input": []},
        "completions": {"prompt": "x", "best_of": 21},
        "moderations": {"input": []},
        "images/generations": {"prompt": "x", "n": 11},
    }
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(f"/{operation}", body={"model": model} | wrong[operation], cast_to=object)
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, "nobody")
    other = "painter" if operation != "images/generations" else "embedder"
    with pytest.raises(openai.BadRequestError) as not_offered:
        ask(client, other)

    assert refused.value.param == list(wrong[operation])[-1]
    assert unknown.value.code == "model_not_found"
    assert not_offered.value.code == "operation_not_supported"
    assert model in not_offered.value.message
    assert stage.first.requests == []


@ERRORS
@pytest.mark.parametrize("operation", OPERATIONS)
def test_unknown_fields(client: openai.OpenAI, stage: Stage, operation: str) -> None:
    """They are the upstream's to refuse, and reach it with all their digits."""
    model, _ = ASK[operation]
    body = {"model": model, "input": "x", "prompt": "x", "big": 10**29 + 7}
    del body["prompt" if operation in {"embeddings", "moderations"} else "input"]
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(f"/{operation}", body=body, cast_to=object)

    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "big")
    [record] = stage.first.requests
    assert b"100000000000000000000000000007" in record.body


@pytest.mark.parametrize("operation", ["chat/completions", *OPERATIONS])
def test_what_echo_does_not_offer(client: openai.OpenAI, stage: Stage, operation: str) -> None:
    """Only images: its document may say so, but it draws nothing."""
    if operation == "images/generations":
        with pytest.raises(openai.BadRequestError) as refused:
            client.images.generate(model="echo", prompt="x")
        assert refused.value.code == "operation_not_supported"
        assert stage.settled()[0]["outcome"] == "failed"
        return
    messages = [{"role": "user", "content": "x"}]
    body = {"model": "echo", "messages": messages, "prompt": "x", "input": "x"}
    client.post(f"/{operation}", body=body, cast_to=object)


@pytest.mark.conformance(provider="OpenAI", aspect="cancel")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_leaves(stage: Stage, operation: str) -> None:
    """A client that does not wait for the answer ends the upstream's work."""
    model, _ = ASK[operation]
    stage.first.fail_next("hang_before_headers")
    body = b'{"model":"%b","input":"x","prompt":"x"}' % model.encode()
    with connected(stage.gateway.url) as wire:
        wire.send(post(body, path=b"/v1/" + operation.encode()))
        assert within(5.0, lambda: bool(stage.first.requests))
        wire.leave()
        [record] = stage.first.requests
        record.wait_until_over()

    assert record.disconnected_after_ms is not None
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("aborted", None)
