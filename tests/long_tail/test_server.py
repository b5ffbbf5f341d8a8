"""The real server with LiteLLM before six simulated providers; openai-python is its client.

`LLMPROXY_BIN` is the server's command, from an environment that has LiteLLM.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.api.gateway import Gateway, serving
from tests.fakes.documents import document
from tests.long_tail.pairs import PROVIDERS, recorded
from tests.simulators.long_tail import ACCESS_KEY, KEY, SECRET_KEY, LongTailSimulator
from tests.simulators.runner import running

LOAD_S = 60.0
SECRETS = {"THE_KEY": KEY, "AWS_ID": ACCESS_KEY, "AWS_SECRET": SECRET_KEY}
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def documents(simulator: LongTailSimulator) -> Iterator[dict[str, Any]]:
    """A document per provider, at the simulator; watsonx with a key of IBM Cloud."""
    for provider in PROVIDERS:
        path = "/v1" if provider == "mistral" else ""
        parameters = recorded(provider)["document"] | {"endpoint": f"{simulator.url}{path}"}
        if parameters.pop("token_secret_name", None):
            parameters |= {
                "secret_name": "THE_KEY",
                "iam_endpoint": f"{simulator.url}/identity/token",
            }
        yield document(
            id=provider,
            code=provider,
            provider="LiteLLM",
            model_type="LiteLLM",
            parameters=parameters,
            routing={"retries": 0},  # a failure that a test plans is what it sees
        )


@pytest.fixture(scope="module", name="simulator")
def _simulator() -> Iterator[LongTailSimulator]:
    with running(LongTailSimulator()) as simulator:
        yield simulator


@pytest.fixture(scope="module", name="gateway")
def _gateway(
    simulator: LongTailSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The server, once all its models are ready: it was started with none of them."""
    folder = tmp_path_factory.mktemp("long_tail")
    with serving(folder, list(documents(simulator)), SECRETS) as gateway:
        until = time.monotonic() + LOAD_S
        while time.monotonic() < until and waiting(gateway):
            time.sleep(0.1)
        assert waiting(gateway) == {}
        yield gateway


def waiting(gateway: Gateway) -> dict[str, str]:
    """Models that are not ready, with the reasons."""
    _, body = gateway.get("/health/ready")
    reasons: dict[str, str] = json.loads(body)["models"]["reasons"]
    return reasons


@pytest.fixture(name="client")
def _client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client:
        yield client


def ask(text: str) -> list[Any]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("model", PROVIDERS)
def test_answers(client: openai.OpenAI, model: str) -> None:
    """A whole answer, with its usage."""
    answer = client.chat.completions.create(model=model, messages=ask("What is the weather?"))
    assert answer.choices[0].message.content == "It rains."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 16


@pytest.mark.parametrize("model", PROVIDERS)
def test_streams(client: openai.OpenAI, model: str) -> None:
    """A streamed answer: one id, text in pieces, a reason at its end, usage last."""
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=ask("What is the weather?"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    said = [each.delta.content or "" for chunk in chunks for each in chunk.choices]
    assert "".join(said) == "It rains."
    assert [each.finish_reason for chunk in chunks for each in chunk.choices][-1] == "stop"
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@pytest.mark.parametrize("model", PROVIDERS)
def test_tools(client: openai.OpenAI, model: str) -> None:
    """The SDK's own accumulator makes whole tool calls of a stream."""
    with client.chat.completions.stream(
        model=model, messages=ask("What is the weather?"), tools=TOOLS
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    called = choice.message.tool_calls or []
    assert len(called) == 2
    assert len({each.id for each in called}) == 2
    assert [each.function.name for each in called] == ["weather", "weather"]
    assert json.loads(called[0].function.arguments) == {"city": "Oslo"}
    assert isinstance(json.loads(called[1].function.arguments), dict)


@pytest.mark.parametrize("model", PROVIDERS)
def test_cut_streams(client: openai.OpenAI, model: str) -> None:
    """A stream that the provider cuts ends in an error, never in a made-up stop."""
    stream = client.chat.completions.create(
        model=model, messages=ask("answer: cut off"), stream=True
    )
    reasons: list[str | None] = []
    with pytest.raises(openai.APIError, match="ended its answer early"):
        reasons.extend(each.finish_reason for chunk in stream for each in chunk.choices)
    assert set(reasons) <= {None}


@pytest.mark.parametrize("model", PROVIDERS)
def test_refused_fields(client: openai.OpenAI, model: str, simulator: LongTailSimulator) -> None:
    """What a provider has no word for is refused before anything is sent."""
    before = len(simulator.requests)
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=ask("Hello"), logit_bias={"7": 1})
    assert raised.value.param == "logit_bias"
    assert len(simulator.requests) == before


@pytest.mark.parametrize("model", PROVIDERS)
def test_limits(client: openai.OpenAI, model: str, simulator: LongTailSimulator) -> None:
    """A provider's 429 is one for the client."""
    simulator.fail_next("status", status=429)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=model, messages=ask("Hello"))


def test_the_prompt_is_not_logged(client: openai.OpenAI, gateway: Gateway) -> None:
    """LiteLLM writes nothing: neither what callers say nor hints for its users."""
    client.chat.completions.create(model="watsonx", messages=ask("a-word-of-the-prompt"))
    assert "a-word-of-the-prompt" not in gateway.log
    assert "Provider List" not in gateway.log
    assert "LiteLLM:" not in gateway.log
