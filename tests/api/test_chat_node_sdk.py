"""Chat completions through the gateway, as openai-node sees them (see tests/clients_node)."""

import json

import pytest

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.api.node import needs_node, run_node

ANSWER = "Simulated answer to: hello there"
pytestmark = needs_node


@pytest.mark.conformance(operation="chat/completions", aspect=("plain", "stream"))
@pytest.mark.parametrize("model", ["gpt-4o-mini", "azure-dated", "azure-v1", "foundry-legacy"])
def test_answers(gateway: Gateway, upstreams: Upstreams, model: str) -> None:
    """Plain, streamed, counted, with tools and structured: the SDK gets what the upstream said."""
    got = run_node(gateway, "answers.mjs", model)

    assert got["text"] == got["streamed"] == got["rawText"] == ANSWER
    assert got["streamError"] is None
    assert got["finishReason"] == "stop"
    assert (got["usageUnasked"], got["usageAskedChoices"]) == (0, [])
    assert got["usageAsked"] == got["usage"]
    assert got["usage"]["completion_tokens"] == 5
    assert got["toolCall"]["name"] == "get_weather"
    assert json.loads(got["toolCall"]["arguments"]) == {"city": "example city"}
    assert got["parsed"] == {"name": "example name", "vegan": True}
    assert (got["rawStatus"], bool(got["rawRequestID"])) == (200, True)
    assert got["requestID"].startswith("req_")
    assert model in got["models"]
    asked = [upstreams.openai, upstreams.azure, upstreams.foundry]
    assert sum(len(simulator.requests) for simulator in asked) == 6


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
def test_failures(gateway: Gateway, upstreams: Upstreams) -> None:
    """Errors have the right class; a stream that breaks raises and never looks complete."""
    plan = upstreams.openai.fail_next
    plan("error_frame", after_events=4, chunk_interval_ms=10)
    plan("cut_mid_stream", after_events=4, chunk_interval_ms=10)
    plan("status", status=500)
    plan("status", status=429, headers={"retry-after-ms": "20"}, times=2)
    got = run_node(gateway, "failures.mjs")

    codes = {"errorFrame": "upstream_error", "cut": "upstream_connection_lost"}
    for name, broken in got["midStream"].items():
        assert broken["text"]
        assert ANSWER.startswith(broken["text"])
        assert broken["error"]["class"] == "APIError"
        assert broken["error"]["code"] == codes[name]
    seen = {
        name: (error["class"], error["status"], error["code"])
        for name, error in got.items()
        if isinstance(error, dict) and "class" in error
    }
    assert seen == {
        "beforeContent": ("InternalServerError", 502, "upstream_error"),
        "busy": ("RateLimitError", 429, "rate_limit_exceeded"),
        "unknownModel": ("NotFoundError", 404, "model_not_found"),
        "badValue": ("BadRequestError", 400, "empty_array"),
        "unknownField": ("BadRequestError", 400, "unknown_parameter"),
        "unknownPath": ("NotFoundError", 404, "unknown_url"),
    }
    assert got["badValue"]["param"] == "messages"
    assert got["retried"] == ANSWER
    assert all(got[name]["requestID"] for name in seen)


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="errors")
def test_retries(gateway: Gateway, upstreams: Upstreams) -> None:
    """openai-node tries again where that can help, and nowhere else."""
    tries = {400: 1, 401: 1, 404: 1, 409: 3, 422: 1, 429: 3, 500: 3}
    for status in tries:
        upstreams.openai.fail_next(
            "status",
            status=status,
            times=None,
            contains=f"status {status}",
            headers={"retry-after-ms": "20"},
        )
    got = run_node(gateway, "retries.mjs", *[str(status) for status in tries])

    sent = [record.body for record in upstreams.openai.requests]
    assert {
        each: sum(f"status {each}".encode() in body for body in sent) for each in tries
    } == tries
    statuses = [got[str(status)]["status"] for status in tries]
    assert statuses == [400, 502, 502, 409, 422, 429, 502]
    assert all(error["requestID"] for error in got.values())
    assert (got["leftOut"]["status"], got["leftOut"]["code"]) == (501, "unsupported_endpoint")


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="cancel")
def test_who_leaves_ends_the_upstream(gateway: Gateway, upstreams: Upstreams) -> None:
    """Breaking out of a stream ends the upstream's stream while the program still runs."""
    upstreams.openai.fail_next(chunk_interval_ms=20)
    got = run_node(gateway, "leaves.mjs")
    [record] = upstreams.openai.requests

    assert got == {"first": "1"}
    assert record.disconnected_after_ms is not None
    assert record.disconnected_after_ms < 500 * 20
    assert record.elapsed_ms - record.disconnected_after_ms > 150
