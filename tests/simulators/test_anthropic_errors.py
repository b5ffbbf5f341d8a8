"""How the Anthropic simulator fails: keys, versions, every status, and streams that break."""

import time
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.anthropic_wire.bodies import BODY, HELLO, MODEL, post
from tests.simulators.raw import control
from tests.simulators.runner import running

ASKED: Any = {"model": MODEL, "max_tokens": 50, "messages": HELLO}


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[AnthropicSimulator]:
    with running(AnthropicSimulator(max_request_bytes=10_000)) as simulator:
        yield simulator


@pytest.fixture(name="simulator")
def _simulator(upstream: AnthropicSimulator) -> AnthropicSimulator:
    upstream.reset()
    return upstream


@pytest.fixture(name="client")
def _client(simulator: AnthropicSimulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=simulator.url, api_key="sk-ant-simulator", max_retries=0, timeout=5
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("status", "raised", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.ContentTooLargeError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (504, anthropic.GatewayTimeoutError, "timeout_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
def test_fails_in_anthropics_words(
    simulator: AnthropicSimulator,
    client: anthropic.Anthropic,
    status: int,
    raised: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    """Every status is the SDK's own error, with the envelope and its request id."""
    simulator.fail_next("status", status=status)
    with pytest.raises(raised) as caught:
        client.messages.create(**ASKED)

    error = caught.value
    body: Any = error.body
    headers = error.response.headers
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert body["request_id"] == headers["request-id"] == error.request_id
    assert headers.get("retry-after") == ("1" if status == 429 else None)
    assert headers["x-should-retry"] == ("true" if status in {429, 500, 504, 529} else "false")
    assert (headers["anthropic-ratelimit-requests-remaining"] == "0") is (status == 429)


def test_is_tried_again(simulator: AnthropicSimulator, client: anthropic.Anthropic) -> None:
    """The SDK comes again after an overload, and a fault may bring headers of its own."""
    simulator.fail_next("status", status=529, headers={"retry-after-ms": "1"})
    answer = client.with_options(max_retries=1).messages.create(**ASKED)

    assert answer.stop_reason == "end_turn"
    assert [request.status for request in simulator.requests] == [529, 200]


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"x_api_key": "sk-other"}, 401, "invalid x-api-key"),
        ({"x_api_key": "sk-other", "authorization": "Bearer sk-ant-simulator"}, 401, "invalid x-"),
        ({"version": None}, 400, "anthropic-version: header is required"),
        ({"version": "2024-01-01"}, 400, "anthropic-version: 2024-01-01 is not a valid version"),
        ({"anthropic_beta": "no such thing"}, 400, "Unexpected value(s) `no such thing` for the"),
    ],
)
def test_checks_headers(
    simulator: AnthropicSimulator, headers: dict[str, Any], status: int, words: str
) -> None:
    """The key, the version and the betas are looked at; of two keys the old header's counts."""
    told = post(simulator, BODY, **headers)

    assert told[0] == status
    assert told[1]["error"]["message"].startswith(words)
    assert told[1]["request_id"] == told[2]["request-id"]


def test_checks_bearers(simulator: AnthropicSimulator) -> None:
    """A bearer that is not the key is refused."""
    with (
        anthropic.Anthropic(base_url=simulator.url, api_key="sk-other", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError, match="Invalid bearer token"),
    ):
        client.messages.create(**ASKED)


def test_refuses_what_it_does_not_serve(simulator: AnthropicSimulator) -> None:
    """Unknown models and paths are 404, bodies that are too large 413, no JSON is 400."""
    large = BODY | {"system": "x" * 10_000}
    unknown = post(simulator, BODY | {"model": "claude-2"})

    assert (unknown[0], unknown[1]["error"]["message"]) == (404, "model: claude-2")
    assert post(simulator, BODY, path="/v1/complete")[0] == 404
    assert post(simulator, large)[0] == 413
    assert post(simulator, b"{")[1]["error"]["message"].startswith("The request body is not valid")
    assert post(simulator, b"[]")[0] == 400


def test_breaks_a_stream_with_an_error(
    simulator: AnthropicSimulator, client: anthropic.Anthropic
) -> None:
    """An error frame is `event: error` with Anthropic's own error, after what was said."""
    simulator.fail_next("error_frame", after_events=4)
    heard = []
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error") as caught:
        heard.extend(event.type for event in client.messages.create(**ASKED, stream=True))

    body: Any = caught.value.body
    assert body["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert simulator.requests[0].fault == "error_frame"


def test_takes_the_tests_own_error_frame(
    simulator: AnthropicSimulator, client: anthropic.Anthropic
) -> None:
    """The frame may be the test's, planned from another process too."""
    frame = '{"type":"error","error":{"type":"api_error","message":"Internal server error"}}'
    control(simulator, "POST", "faults", {"fault": "error_frame", "body": frame})
    with pytest.raises(anthropic.APIStatusError, match="api_error"):
        list(client.messages.create(**ASKED, stream=True))


def test_cuts_and_hangs(simulator: AnthropicSimulator, client: anthropic.Anthropic) -> None:
    """A stream may be cut, hang or come slowly; what was said before arrives."""
    simulator.fail_next("cut_mid_stream", after_events=4)
    with pytest.raises(Exception, match=r"incomplete|closed"):
        list(client.messages.create(**ASKED, stream=True))
    simulator.fail_next("hang_mid_stream", after_events=4)
    with pytest.raises(Exception, match="timed out"):
        list(client.with_options(timeout=0.2).messages.create(**ASKED, stream=True))
    simulator.fail_next(chunk_interval_ms=20)
    started = time.perf_counter()
    slow = list(client.messages.create(**ASKED, stream=True))

    assert slow[-1].type == "message_stop"
    assert time.perf_counter() - started > 0.15


def test_names_a_fault_as_the_model(client: anthropic.Anthropic) -> None:
    """A fault may be the model's name, for what has no hold of the simulator."""
    with pytest.raises(anthropic.OverloadedError):
        client.messages.create(model="fault-status-529", max_tokens=5, messages=HELLO)
