"""A span for every request and one for every attempt, as an OTLP collector receives them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.asking import Answer, ask, within
from tests.api.routing.stage import ADMIN_KEY, Stage, staged
from tests.api.tracing.collector import (
    ERROR,
    UNSET,
    Span,
    apart,
    arrived,
    counted,
)
from tests.api.tracing.receiver import Receiver, receiving
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running
from tests.simulators.simulator import Simulator

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
WORD = "pomegranate-of-the-prompt"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = PARENT[:-2] + "00"


def settings(receiver: Receiver, **more: str) -> dict[str, str]:
    """A server's settings that lead to this collector."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=banana%20split",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        **more,
    }


def chat(stage: Stage, headers: Mapping[str, str] | None = None, **fields: Any) -> Answer:  # noqa: ANN401
    """Ask for a chat completion, without any SDK."""
    body = {"model": "m", "messages": [{"role": "user", "content": WORD}], **fields}
    return ask(
        stage.gateway.url,
        "/v1/chat/completions",
        method="POST",
        headers={**KEY, **(headers or {})},
        body=body,
    )


def told(simulator: Simulator) -> list[str | None]:
    """The `traceparent` of every request that a provider has got."""
    return [record.header("traceparent") for record in simulator.requests]


def parent_line(span: Span, flags: str = "01") -> str:
    """What a provider is told when it is asked within this span."""
    return f"00-{span.trace_id}-{span.span_id}-{flags}"


def test_a_request_and_its_attempt(tmp_path: Path) -> None:
    """Names, kinds, parents, times, and the words of the conventions."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, settings(collector)) as stage:
        answer = chat(stage, max_tokens=7, temperature=0.5)
        assert answer.status == 200
        [request], [attempt] = apart(arrived(collector, 2))
        assert (request.name, attempt.name) == ("POST /v1/chat/completions", "chat gpt-4o-mini")
        assert (request.parent_id, attempt.parent_id) == ("", request.span_id)
        assert attempt.trace_id == request.trace_id
        assert request.attributes.items() >= of_request(answer).items()
        assert attempt.attributes.items() >= of_attempt(answer, stage.providers["one"].port).items()
        assert request.began <= attempt.began <= attempt.ended <= request.ended
        assert (request.status, attempt.status) == (UNSET, UNSET)
        assert told(stage.providers["one"]) == [parent_line(attempt)]
        about = {"service.name": "llmproxy", "deployment.environment.name": "test"}
        assert request.resource.items() >= about.items()


def of_request(answer: Answer) -> dict[str, Any]:
    """What the span of a plain request says."""
    return {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "llmproxy.request_id": answer.headers["x-request-id"],
        "llmproxy.outcome": "finished",
        "llmproxy.currency": "USD",
        "llmproxy.cost": answer.headers["x-llmproxy-cost"],
        "llmproxy.deployment": "one",
    }


def of_attempt(answer: Answer, port: int) -> dict[str, Any]:
    """What that of its attempt says."""
    usage = answer.json["usage"]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": usage["prompt_tokens"],
        "gen_ai.usage.output_tokens": usage["completion_tokens"],
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "llmproxy.attempt": 1,
    }


@STREAM
def test_no_content_and_no_secret(tmp_path: Path, *, stream: bool) -> None:
    """Neither what was asked nor what was answered, nor a key, leaves with anything."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, settings(collector)) as stage:
        answer = chat(stage, stream=stream, stop=[f"{WORD} of the fields"], user=f"{WORD} itself")
        assert b"Simulated" in answer.body
        arrived(collector, 2)
        assert within(30, lambda: counted(collector) == 1)
    assert {head["x-collector-key"] for _, head, _ in collector.posted} == {"banana split"}
    for word in (WORD, ADMIN_KEY, "sk-simulator", "Simulated"):
        assert word.encode() not in collector.everything, word


@STREAM
def test_failures_and_another_deployment(tmp_path: Path, *, stream: bool) -> None:
    """Each attempt has a span, which its provider was told of; failures are marked as such."""
    deployments = {"bad": {"priority": 0}, "good": {"priority": 1}}
    with receiving() as collector, staged(tmp_path, deployments, settings(collector)) as stage:
        stage.providers["bad"].fail_next("status", status=503)
        assert stage.chat(stream=stream) == "good"
        [request], [first, second] = apart(arrived(collector, 3))
        assert (first.status, second.status, request.status) == (ERROR, UNSET, UNSET)
        assert first.attributes["http.response.status_code"] == 503
        assert first.attributes["error.type"] == first.message != ""
        assert [each.attributes["llmproxy.deployment"] for each in (first, second)] == [
            "bad",
            "good",
        ]
        assert told(stage.providers["bad"]) == [parent_line(first)]
        assert told(stage.providers["good"]) == [parent_line(second)]
        assert {first.parent_id, second.parent_id} == {request.span_id}
        assert second.events == (("llmproxy.first_content",) if stream else ())
        assert ("gen_ai.response.time_to_first_chunk" in second.attributes) == stream
        assert second.attributes.get("gen_ai.request.stream", False) == stream


@STREAM
def test_a_hedge(tmp_path: Path, *, stream: bool) -> None:
    """Two deployments at once: each is told of its own span, and the slow one is `outpaced`."""
    hedge = {"routing": {"hedge": {"after_s": 0.2}}}
    deployments = {"slow": {"priority": 0, **hedge}, "fast": {"priority": 1, **hedge}}
    with receiving() as collector, staged(tmp_path, deployments, settings(collector)) as stage:
        stage.providers["slow"].fail_next("hang_before_headers")
        assert stage.chat(stream=stream) == "fast"
        [_], [slow, fast] = apart(arrived(collector, 3))
        assert told(stage.providers["slow"]) == [parent_line(slow)]
        assert told(stage.providers["fast"]) == [parent_line(fast)]
        assert (slow.attributes["error.type"], slow.status) == ("outpaced", ERROR)
        assert "error.type" not in fast.attributes
        assert slow.began < fast.began < slow.ended


def test_refused_before_it_is_a_call(tmp_path: Path) -> None:
    """A wrong key, an unknown model and an unknown path have their span, and no attempt."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, settings(collector)) as stage:
        assert chat(stage, {"authorization": "Bearer sk-papaya"}).status == 401
        assert chat(stage, model="papaya").status == 404
        assert ask(stage.gateway.url, "/v1/papaya", headers=KEY).status == 404
        assert ask(stage.gateway.url, "/health").status == 200
        found, attempts = apart(arrived(collector, 3))
        assert attempts == []
        assert {each.attributes["http.response.status_code"] for each in found} == {401, 404}
        assert {each.status for each in found} == {UNSET}  # it is the caller's fault
        names = sorted(each.name for each in found)
        assert names == ["GET", "POST /v1/chat/completions", "POST /v1/chat/completions"]
    assert b"papaya" not in collector.everything


def test_a_failure_is_an_error(tmp_path: Path) -> None:
    """A request that no provider answers is an error of this server."""
    one = {"one": {"routing": {"retries": 0}}}
    with receiving() as collector, staged(tmp_path, one, settings(collector)) as stage:
        stage.providers["one"].fail_next("status", status=500)
        with pytest.raises(openai.InternalServerError):
            stage.chat()
        [request], [attempt] = apart(arrived(collector, 2))
        assert (request.status, attempt.status) == (ERROR, ERROR)
        assert request.attributes["error.type"] == attempt.attributes["error.type"]
        assert request.attributes["llmproxy.outcome"] == "failed"


def test_a_parent(tmp_path: Path) -> None:
    """Who calls within a trace finds us in it, with its state; its decision counts, not ours."""
    with receiving() as collector:
        ours = settings(collector, OTEL_TRACES_SAMPLER_ARG="0")
        with staged(tmp_path, {"one": {}}, ours) as stage:
            assert chat(stage).status == 200
            assert chat(stage, {"traceparent": NOT_SAMPLED}).status == 200
            assert chat(stage, {"traceparent": PARENT, "tracestate": "a=1,b=2"}).status == 200
            assert chat(stage, {"traceparent": PARENT + "x"}).status == 200
            [request], [attempt] = apart(arrived(collector, 2))
            assert request.trace_id == attempt.trace_id == PARENT[3:35]
            assert request.parent_id == PARENT[36:52]
            assert request.state == "a=1,b=2"
            lines = told(stage.providers["one"])
            assert lines[2] == parent_line(attempt)
            assert stage.providers["one"].requests[2].header("tracestate") == "a=1,b=2"
            # Nobody follows the others; the trace goes on all the same, and says so.
            shape = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")
            assert all(shape.fullmatch(lines[each] or "") for each in (0, 1, 3))
            assert (lines[1] or "")[3:35] == PARENT[3:35]


def test_a_session(tmp_path: Path) -> None:
    """A realtime session has its span and one of its provider, both as long as it lasts."""
    with receiving() as collector, running(OpenAISimulator()) as provider:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": provider.base_url}
        talker = {
            "code": "talker",
            "operations": ["audio_realtime"],
            "parameters": {"model": "gpt-realtime", **account},
        }
        providers = {"talker": provider}
        with staged(tmp_path, {"talker": talker}, settings(collector), providers) as stage:
            with (
                stage.client(timeout=30) as client,
                client.realtime.connect(model="talker") as connection,
            ):
                connection.response.create()
                for event in connection:
                    if event.type == "response.done":
                        break
            [request], [attempt] = apart(arrived(collector, 2))
            assert (request.name, attempt.name) == ("GET /v1/realtime", "realtime gpt-realtime")
            assert request.attributes["http.response.status_code"] == 101
            assert (attempt.ended, attempt.status) == (request.ended, UNSET)
            assert told(provider) == [parent_line(attempt)]
            assert attempt.attributes["gen_ai.usage.output_tokens"] > 0


def test_off(tmp_path: Path) -> None:
    """Without a collector, or with OTEL_SDK_DISABLED, no provider is told of any trace."""
    with receiving() as collector:
        off = settings(collector, OTEL_SDK_DISABLED="true")
        with staged(tmp_path, {"one": {}}, off) as stage:
            assert chat(stage, {"traceparent": PARENT}).status == 200
            assert told(stage.providers["one"]) == [None]
        assert collector.posted == []


def test_what_is_no_attempt(tmp_path: Path) -> None:
    """An answer out of the cache has no attempt; a stored response is asked for by its request."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, settings(collector)) as stage:
        for _ in range(2):
            assert chat(stage, {"x-llmproxy-cache": "on"}).status == 200
        requests, attempts = apart(arrived(collector, 3))
        assert len(attempts) == len(stage.providers["one"].requests) == 1
        said = [each.attributes["llmproxy.cache.status"] for each in requests]
        assert len(set(said)) == 2
        assert sorted(each.attributes["llmproxy.outcome"] for each in requests) == [
            "cached",
            "finished",
        ]
        body = {"model": "m", "input": WORD}
        url = stage.gateway.url
        made = ask(url, "/v1/responses", method="POST", headers=KEY, body=body)
        assert ask(url, f"/v1/responses/{made.json['id']}", headers=KEY).status == 200
        requests, attempts = apart(arrived(collector, 6))
        [read] = [each for each in requests if each.name == "GET /v1/responses/{response_id}"]
        assert len(attempts) == 2
        assert told(stage.providers["one"])[-1] == parent_line(read)
