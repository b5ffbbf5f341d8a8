"""Spans of a record, by the conventions."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from llmproxy.application.interfaces.journal import Attempt, Outcome
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.tracing.attributes import asked_for
from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.record import Asked, Ended
from llmproxy.infra.tracing.spans import SpanMaker, resource_of
from tests.fakes.calls import chat_call
from tests.unit.infra.tracing.visits import Arrived, answered, entry, traced

USED = Usage(input_tokens=20, cache_read_tokens=5, output_tokens=7, reasoning_tokens=3)
GOOD = Attempt("shown", None, 1.0, 200, USED)
BAD = Attempt("shown", "overloaded", 1.0, 503)


def made(ended: Ended, **options: Any) -> list[ReadableSpan]:  # noqa: ANN401
    """The spans of a record; wall time is a thousand seconds ahead."""
    said = {"for_azure": False, "rate_percent": None} | options
    maker = SpanMaker(resource_of("ours", "1.0", {"zone": "b"}), "1.0", Places(), **said)
    return list(maker.spans(ended, 1_000.0))


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """What a span says of itself."""
    assert span.attributes is not None
    return dict(span.attributes)


def test_a_request_and_its_attempts() -> None:
    """Their names, kinds, parents and times."""
    request, bad, good = made(answered(BAD, GOOD, first_content_s=1.5))
    assert [each.name for each in (request, bad, good)] == [
        "POST /v1/chat/completions",
        "chat gemini-pro",
        "chat gemini-pro",
    ]
    assert [each.kind for each in (request, bad)] == [SpanKind.SERVER, SpanKind.CLIENT]
    assert request.parent is None
    assert bad.parent == good.parent == request.context
    assert (request.start_time, request.end_time) == (1_100 * 10**9, 1_102 * 10**9)
    assert (good.start_time, good.end_time) == (1_101 * 10**9, 1_102 * 10**9)
    assert bad.status.status_code is StatusCode.ERROR
    assert bad.status.description == attributes(bad)["error.type"] == "overloaded"
    assert good.status.status_code is request.status.status_code is StatusCode.UNSET
    [event] = good.events
    assert (event.name, event.timestamp) == ("llmproxy.first_content", 1_101_500_000_000)
    assert bad.events == ()


def test_the_model_is_the_one_that_was_asked_for() -> None:
    """As the caller names it, whichever stood in for it; of what was not admitted no name."""
    visit = Arrived(call=chat_call({}))
    assert visit.call is not None
    visit.call.model = "alias"
    tracer = traced(visit)
    tracer.end(visit, 101.0)
    tracer.look()
    visit.call.entry = entry(USED)
    tracer.end(visit, 101.0)
    tracer.look()
    refused, settled = (made(ended)[0] for ended in tracer.ended)
    assert "gen_ai.request.model" not in attributes(refused)
    assert attributes(settled)["gen_ai.request.model"] == "alias"


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (b"7", 7),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", None),
        (b"-9223372036854775809", None),
        (b"null", None),
    ],
)
def test_whole_numbers_that_fit(seed: bytes, told: int | None) -> None:
    """No exporter can tell more than 64 bits."""
    parameters = (None, None, None, None, seed)
    asked = Asked(Endpoint.CHAT_COMPLETIONS, "m", False, 1, None, None, parameters)  # noqa: FBT003
    assert asked_for(asked).get("gen_ai.request.seed") == told


def test_what_they_say() -> None:
    """The conventions' words, and ours for what they have none for."""
    request, _, good = made(answered(BAD, GOOD, first_content_s=1.5))
    assert (
        attributes(good).items()
        >= {
            "gen_ai.provider.name": "gcp.vertex_ai",
            "gen_ai.request.model": "gemini-pro",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.usage.input_tokens": 25,
            "gen_ai.usage.cache_read.input_tokens": 5,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 3,
            "gen_ai.response.time_to_first_chunk": 0.5,
            "server.address": "us-central1-aiplatform.googleapis.com",
            "server.port": 443,
            "http.response.status_code": 200,
            "llmproxy.attempt": 2,
        }.items()
    )
    assert (
        attributes(request).items()
        >= {
            "llmproxy.cost": "1.500000000",
            "llmproxy.currency": "USD",
            "llmproxy.key_id": "key_1",
            "llmproxy.project": "alpha",
            "llmproxy.outcome": "finished",
        }.items()
    )
    service = {"service.name": "ours", "service.version": "1.0", "zone": "b"}
    assert dict(request.resource.attributes) == service


def test_an_estimate_says_so() -> None:
    """What the gateway has counted itself is not what a provider said."""
    estimated = replace(GOOD, usage=Usage(input_tokens=9, estimated=True))
    request, attempt = made(answered(estimated))
    assert attributes(attempt)["llmproxy.usage.estimated"] is True
    assert attributes(request)["llmproxy.usage.estimated"] is True


def test_one_that_works_until_the_end() -> None:
    """A session's attempt ends with its request."""
    request, attempt = made(answered(None))
    assert attempt.end_time == request.end_time
    assert attempt.status.status_code is StatusCode.UNSET


def test_for_application_insights() -> None:
    """It tells GenAI by an older name, and multiplies its counts by the rate."""
    for span in made(answered(GOOD), for_azure=True, rate_percent=5.0):
        assert attributes(span)["_MS.sampleRate"] == 5.0
    assert attributes(made(answered(GOOD), for_azure=True)[1])["gen_ai.system"] == "gcp.vertex_ai"


@pytest.mark.parametrize(
    ("visit", "name", "error"),
    [
        (Arrived(status=401, error="invalid_api_key"), "POST /v1/chat/completions", None),
        (Arrived(status=404, error="unknown_url", path="/v1/secret"), "POST", None),
        (Arrived(status=503, error="overloaded"), "POST /v1/chat/completions", "overloaded"),
        (Arrived(status=500), "POST /v1/chat/completions", "500"),
        (Arrived(status=0), "POST /v1/chat/completions", "aborted"),
        (Arrived(path="/v1/responses/r/cancel"), "POST /v1/responses/{response_id}/cancel", None),
        (Arrived(path="/v1/models/x", method="BREW"), "_OTHER /v1/models/{model}", None),
    ],
)  # fmt: skip
def test_without_a_call(visit: Arrived, name: str, error: str | None) -> None:
    """What is no call has a span too; a caller's fault is none of ours, and its words stay out."""
    tracer = traced(visit)
    tracer.end(visit, 101.0)
    tracer.look()
    [span] = made(tracer.ended.popleft())
    assert span.name == name
    assert attributes(span).get("error.type") == error
    assert (span.status.status_code is StatusCode.ERROR) == (error is not None)
    assert "secret" not in str(attributes(span))


def test_an_answer_that_broke_off() -> None:
    """A stream of status 200 whose provider vanished is an error."""
    ended = answered(BAD)
    assert ended.asked is not None
    broken = entry(USED, BAD, error="broken", outcome=Outcome.FAILED)
    request, _ = made(ended._replace(asked=ended.asked._replace(entry=broken)))
    assert attributes(request)["error.type"] == "broken"


def test_the_status_of_the_cache() -> None:
    """As the answer's head says it."""
    ended = answered(GOOD)._replace(head=b"a: b\nx-llmproxy-cache-status: HIT\nc: d")
    assert attributes(made(ended)[0])["llmproxy.cache.status"] == "HIT"
