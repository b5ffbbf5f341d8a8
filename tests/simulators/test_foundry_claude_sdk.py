"""Claude in the Foundry simulator, proven by `AnthropicFoundry`."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.simulators.anthropic_wire.bodies import BODY, HELLO, WEATHER, post
from tests.simulators.foundry_claude import FoundryClaudeSimulator
from tests.simulators.runner import running

ASKED: Any = {"model": "my-claude", "max_tokens": 50}
PATH = "/anthropic/v1/messages"


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[FoundryClaudeSimulator]:
    with running(FoundryClaudeSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="simulator")
def _simulator(upstream: FoundryClaudeSimulator) -> FoundryClaudeSimulator:
    upstream.reset()
    return upstream


@pytest.fixture(name="client")
def _client(simulator: FoundryClaudeSimulator) -> Iterator[anthropic.AnthropicFoundry]:
    with anthropic.AnthropicFoundry(
        base_url=simulator.base_url, api_key="azure-key", max_retries=0
    ) as client:
        yield client


def test_answers(client: anthropic.AnthropicFoundry) -> None:
    """Plain, streamed, counted and with tools, by the deployment's name."""
    plain = client.messages.create(**ASKED, messages=HELLO)
    with client.messages.stream(**ASKED, messages=HELLO) as stream:
        streamed = stream.get_final_message()
    called = client.messages.create(**ASKED, messages=HELLO, tools=[WEATHER])
    counted = client.messages.count_tokens(model="my-claude", messages=HELLO)

    assert plain.content[0].text == "Simulated answer to: hello there"  # type: ignore[union-attr]
    assert streamed.content[0].text == plain.content[0].text  # type: ignore[union-attr]
    assert plain.model == "claude-sonnet-4-5-20250929"
    assert called.stop_reason == "tool_use"
    assert counted.input_tokens == plain.usage.input_tokens == 8


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": "azure-key"}, 200),
        ({"api_key": "azure-key"}, 200),
        ({"authorization": "Bearer azure-key"}, 200),
        ({"authorization": "Bearer entra-id-token"}, 200),
        ({"authorization": "Bearer other"}, 401),
        ({"api_key": "other"}, 401),
    ],
)
def test_takes_keys_and_tokens(
    simulator: FoundryClaudeSimulator, headers: dict[str, str], status: int
) -> None:
    """The key in either header or as bearer, or a token; nothing else, said as Azure does."""
    told = post(simulator, BODY, path=PATH, **headers)

    assert told[0] == status
    if status == 401:
        assert told[1]["error"]["code"] == "401"


@pytest.mark.asyncio
async def test_takes_a_token_provider(simulator: FoundryClaudeSimulator) -> None:
    """The SDK's token provider is asked for the bearer."""
    async with anthropic.AsyncAnthropicFoundry(
        base_url=simulator.base_url,
        azure_ad_token_provider=lambda: "entra-id-token",
        max_retries=0,
    ) as client:
        answer = await client.messages.create(**ASKED, messages=HELLO)

    assert answer.stop_reason == "end_turn"
    assert simulator.requests[0].header("x-api-key") is None


def test_refuses(client: anthropic.AnthropicFoundry, simulator: FoundryClaudeSimulator) -> None:
    """Azure knows deployments and paths, Anthropic bodies; there are no rate limit headers."""
    with pytest.raises(anthropic.NotFoundError, match="DeploymentNotFound"):
        client.messages.create(model="other", max_tokens=5, messages=HELLO)
    with pytest.raises(anthropic.BadRequestError, match="Extra inputs") as caught:
        client.messages.create(**ASKED, messages=HELLO, extra_body={"n": 2})
    status, told, headers = post(simulator, BODY, path="/anthropic/v1/models", api_key="azure-key")

    body: Any = caught.value.body
    assert body["error"]["type"] == "invalid_request_error"
    assert "apim-request-id" in caught.value.response.headers
    assert (status, told["error"]["code"]) == (404, "404")
    assert not [name for name in headers if name.startswith("anthropic-ratelimit")]


@pytest.mark.parametrize(
    ("status", "word"),
    [(429, "RateLimitReached"), (500, "api_error"), (529, "overloaded_error")],
)
def test_fails(
    client: anthropic.AnthropicFoundry,
    simulator: FoundryClaudeSimulator,
    status: int,
    word: str,
) -> None:
    """The quota is Azure's, with its time to wait; what fails behind it is Anthropic's."""
    simulator.fail_next("status", status=status, model="my-claude")
    with pytest.raises(anthropic.APIStatusError, match=word) as caught:
        client.messages.create(**ASKED, messages=HELLO)

    assert caught.value.response.headers.get("retry-after") == ("1" if status == 429 else None)


def test_breaks_a_stream(
    client: anthropic.AnthropicFoundry, simulator: FoundryClaudeSimulator
) -> None:
    """A stream breaks with Anthropic's error event."""
    simulator.fail_next("error_frame")
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        list(client.messages.create(**ASKED, messages=HELLO, stream=True))
