"""Upstream failures through the gateway, as the error classes of openai-python."""

import time

import openai
import pytest

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.simulators.bodies import HELLO
from tests.simulators.faults import FaultKind

ANSWER = "Simulated answer to: hello there"
# Loopback and a busy machine: far above what is needed, far below any timeout.
SOON_S = 5.0


def _ask(client: openai.OpenAI, model: str = "gpt-4o-mini") -> str | None:
    answer = client.chat.completions.create(model=model, messages=HELLO)
    return answer.choices[0].message.content


def _read(client: openai.OpenAI, said: list[str], model: str = "gpt-4o-mini") -> None:
    """Iterate over a stream to its end or its error; `said` keeps what came."""
    for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
        said += [choice.delta.content for choice in chunk.choices if choice.delta.content]


@pytest.mark.conformance(operation="chat/completions", aspect="errors")
@pytest.mark.parametrize(
    "kind", [FaultKind.CUT_MID_STREAM, FaultKind.RESET_MID_STREAM, FaultKind.ERROR_FRAME]
)
@pytest.mark.parametrize("model", ["gpt-4o-mini", "azure-dated", "foundry-legacy"])
def test_a_failure_in_mid_stream_raises(
    client: openai.OpenAI, upstreams: Upstreams, kind: FaultKind, model: str
) -> None:
    """A stream that breaks gives its first words and then raises: it never looks complete."""
    for simulator in (upstreams.openai, upstreams.azure, upstreams.foundry):
        simulator.fail_next(kind, after_events=4, chunk_interval_ms=10)
    said: list[str] = []

    with pytest.raises(openai.APIError) as broken:
        _read(client, said, model)

    assert 1 <= len(said) <= 4
    assert ANSWER.startswith("".join(said))
    code = "upstream_error" if kind is FaultKind.ERROR_FRAME else "upstream_connection_lost"
    assert (type(broken.value), broken.value.code) == (openai.APIError, code)


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
def test_silence_in_mid_stream_raises(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """A stream that falls silent for longer than the document's timeout raises."""
    upstreams.openai.fail_next("hang_mid_stream", after_events=3)
    said: list[str] = []
    started = time.perf_counter()

    with pytest.raises(openai.APIError) as broken:
        _read(client, said, "impatient")

    assert said == ["Simulated", " answer"]
    assert broken.value.code == "upstream_idle_timeout"
    assert 0.9 < time.perf_counter() - started < 1 + SOON_S
    upstreams.openai.requests[0].wait_until_over()
    assert upstreams.openai.requests[0].disconnected_after_ms is not None


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
def test_silence_before_the_answer(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """An upstream that never answers is a 504 after the document's timeout."""
    upstreams.openai.fail_next("hang_before_headers")
    started = time.perf_counter()

    with pytest.raises(openai.InternalServerError) as failed:
        _ask(client, "impatient")

    seen = (failed.value.status_code, failed.value.code)
    assert seen == (504, "upstream_first_token_timeout")
    assert 0.9 < time.perf_counter() - started < 1 + SOON_S


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.RESET_AFTER_HEADERS,
        FaultKind.CLOSE_AFTER_HEADERS,
        FaultKind.HTML,
        FaultKind.NULL,
        FaultKind.EMPTY_BODY,
        FaultKind.GARBAGE,
        FaultKind.BAD_CHUNKING,
    ],
)
def test_a_failure_before_the_content_is_a_status(
    client: openai.OpenAI, upstreams: Upstreams, kind: FaultKind, *, stream: bool
) -> None:
    """What breaks before the first content is a 502 in the envelope, streamed or not."""
    upstreams.openai.fail_next(kind)

    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=stream)

    lost = kind in {FaultKind.RESET_AFTER_HEADERS, FaultKind.CLOSE_AFTER_HEADERS}
    code = "upstream_connection_lost" if lost else "upstream_error"
    assert (failed.value.status_code, failed.value.code) == (502, code)
    assert failed.value.request_id


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    "kind", [FaultKind.TRUNCATED_JSON, FaultKind.WRONG_CONTENT_LENGTH, FaultKind.CUT_MID_STREAM]
)
def test_half_an_answer_is_none(
    client: openai.OpenAI, upstreams: Upstreams, kind: FaultKind
) -> None:
    """A plain answer that is not whole is a 502, never half an answer."""
    upstreams.openai.fail_next(kind)

    with pytest.raises(openai.InternalServerError) as failed:
        _ask(client)

    assert failed.value.status_code == 502


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.SLOW_DRIP,
        FaultKind.CHUNKED,
        FaultKind.SSE_COMMENTS,
        FaultKind.SSE_CRLF,
        FaultKind.NO_DONE,
        FaultKind.STALE_KEEP_ALIVE,
    ],
)
def test_odd_answers_are_answers(
    client: openai.OpenAI, upstreams: Upstreams, kind: FaultKind
) -> None:
    """What is only unusual reaches the caller whole; a stale connection is not noticed."""
    upstreams.openai.fail_next(kind, times=None)
    plain = [_ask(client), _ask(client)]
    said: list[str] = []
    _read(client, said)

    assert [*plain, "".join(said)] == [ANSWER] * 3


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize(
    ("status", "error", "seen", "tries"),
    [
        (400, openai.BadRequestError, (400, "refused"), 1),
        (401, openai.InternalServerError, (502, "upstream_credentials"), 1),
        (403, openai.InternalServerError, (502, "upstream_credentials"), 1),
        (404, openai.InternalServerError, (502, "upstream_misconfigured"), 1),
        (409, openai.ConflictError, (409, "refused"), 2),
        (422, openai.UnprocessableEntityError, (422, "refused"), 1),
        (429, openai.RateLimitError, (429, "rate_limit_exceeded"), 2),
        (500, openai.InternalServerError, (502, "upstream_error"), 2),
        (503, openai.InternalServerError, (502, "upstream_error"), 2),
        (504, openai.InternalServerError, (504, "upstream_timeout"), 2),
    ],
)
def test_statuses_become_classes(
    client: openai.OpenAI,
    upstreams: Upstreams,
    status: int,
    error: type[openai.APIStatusError],
    seen: tuple[int, str],
    tries: int,
) -> None:
    """The upstream's status decides the class; its own 401 is never the caller's.

    The SDK tries again where that can help, and nowhere else.
    """
    upstreams.openai.fail_next(
        "status", status=status, times=None, headers={"retry-after-ms": "20"}
    )

    with pytest.raises(error) as failed:
        _ask(client.with_options(max_retries=1))

    raised = failed.value
    assert (raised.status_code, raised.code, raised.param) == (*seen, None)
    assert (raised.request_id or "").startswith("req_")
    assert len(upstreams.openai.requests) == tries


def test_rate_limits_are_waited_for(gateway: Gateway, upstreams: Upstreams) -> None:
    """The SDK's own retry obeys the upstream's `retry-after-ms` through the gateway."""
    upstreams.openai.fail_next("status", status=429, headers={"retry-after-ms": "30"})
    with openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=1) as client:
        answer = _ask(client)

    first, second = upstreams.openai.requests
    assert answer == ANSWER
    assert 0.03 <= second.received_at - first.received_at < 0.5


@pytest.mark.conformance(operation="chat/completions", provider="AzureOpenAI", aspect="errors")
def test_the_content_filter(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """Azure's filtered prompt is its own 400; a filtered answer says so at its end."""
    filtered = [{"role": "user", "content": "trigger the prompt filter"}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="azure-dated", messages=filtered)

    assert refused.value.code == "content_filter"
    assert len(upstreams.azure.requests) == 1


@pytest.mark.conformance(operation="chat/completions", provider="AzureOpenAI", aspect="stream")
def test_the_late_filter_streams(client: openai.OpenAI) -> None:
    """Azure's last chunk with a choice but no delta reaches the caller."""
    chunks = list(
        client.chat.completions.create(model="azure-late-filter", messages=HELLO, stream=True)
    )

    assert "delta" not in chunks[-1].choices[0].model_fields_set


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="cancel")
def test_who_leaves_ends_the_upstream(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """A caller that closes its stream ends the upstream's within 100 ms; the best of five counts,
    since a busy machine may hold up any one of the three processes.
    """
    upstreams.openai.fail_next(times=5, chunk_interval_ms=50)
    assert min(_left_after_ms(client, upstreams) for _ in range(5)) < 100


def _left_after_ms(client: openai.OpenAI, upstreams: Upstreams) -> float:
    """Milliseconds from a caller's close of its stream to the upstream's seeing it."""
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
    next(iter(stream))
    record = upstreams.openai.requests[-1]
    stream.close()
    left_after_ms = record.elapsed_ms
    record.wait_until_over()
    assert record.disconnected_after_ms is not None
    return record.disconnected_after_ms - left_after_ms


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
def test_bad_requests(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """An unknown model or a bad value is refused with OpenAI's class, and nothing is sent."""
    with pytest.raises(openai.NotFoundError) as unknown:
        _ask(client, "gpt-0")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-4o-mini", messages=[])
    with pytest.raises(openai.NotFoundError):
        client.post("/chat/nothing", body={}, cast_to=object)

    assert unknown.value.code == "model_not_found"
    assert refused.value.param == "messages"
    assert upstreams.openai.requests == []


@pytest.mark.conformance(
    operation="chat/completions", provider="AzureOpenAI", aspect=("stream", "usage")
)
def test_old_api_versions_stream(client: openai.OpenAI) -> None:
    """A caller that asked for no usage can stream from an api-version without `stream_options`."""
    said: list[str] = []
    _read(client, said, "azure-old")

    assert "".join(said) == ANSWER
