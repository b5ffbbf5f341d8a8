"""The Azure OpenAI simulator, proven by `AzureOpenAI` (dated API) and `OpenAI` (v1)."""

import json
from collections.abc import Iterator

import openai
import pytest

from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.bodies import HELLO, WEATHER, Recipe

VERSION = "2024-10-21"


@pytest.fixture(name="dated")
def _dated(azure_simulator: AzureOpenAISimulator) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=azure_simulator.url, api_key="azure-key", api_version=VERSION, max_retries=0
    ) as client:
        yield client


@pytest.fixture(name="stock")
def _stock(azure_simulator: AzureOpenAISimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=azure_simulator.base_url, api_key="azure-key", max_retries=0
    ) as client:
        yield client


def test_dated_answers(dated: openai.AzureOpenAI, azure_simulator: AzureOpenAISimulator) -> None:
    """The dated API takes the deployment from the path and tells what the filter found."""
    answer = dated.chat.completions.create(model="chat", messages=HELLO)

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert (answer.model_extra or {})["prompt_filter_results"][0]["prompt_index"] == 0
    found = (answer.choices[0].model_extra or {})["content_filter_results"]
    assert found["violence"] == {"filtered": False, "severity": "safe"}
    [record] = azure_simulator.requests
    assert record.target == f"/openai/deployments/chat/chat/completions?api-version={VERSION}"
    assert record.header("api-key") == "azure-key"


def test_dated_streams(dated: openai.AzureOpenAI) -> None:
    """The first chunk has empty strings and no choice; usage comes last when asked for."""
    chunks = list(
        dated.chat.completions.create(
            model="chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )

    assert (chunks[0].id, chunks[0].choices, chunks[0].created) == ("", [], 0)
    assert (chunks[0].model_extra or {})["prompt_filter_results"]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Simulated answer to: hello there"
    assert chunks[-1].usage is not None


def test_late_filter_streams_a_choice_without_delta(dated: openai.AzureOpenAI) -> None:
    """The asynchronous filter's last chunk has a choice that holds offsets and no delta."""
    chunks = list(
        dated.chat.completions.create(model="chat-late-filter", messages=HELLO, stream=True)
    )

    last = chunks[-1].choices[0]
    assert "delta" not in last.model_fields_set
    assert (last.model_extra or {})["content_filter_offsets"]["check_offset"] == 44


def test_dated_streams_tools(dated: openai.AzureOpenAI) -> None:
    """Tool calls arrive in fragments that the SDK's accumulator puts together."""
    with dated.chat.completions.stream(
        model="chat", messages=HELLO, tools=[WEATHER], tool_choice="required"
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls or []

    assert json.loads(calls[0].function.arguments)["city"] == "example city"


def test_dated_parses(dated: openai.AzureOpenAI) -> None:
    """Structured outputs come back as the class that was asked for."""
    answer = dated.chat.completions.parse(model="chat", messages=HELLO, response_format=Recipe)

    assert isinstance(answer.choices[0].message.parsed, Recipe)


def test_dated_headers(dated: openai.AzureOpenAI) -> None:
    """An answer carries Azure's headers."""
    raw = dated.chat.completions.with_raw_response.create(model="chat", messages=HELLO)

    assert {"apim-request-id", "x-ms-region", "azureml-model-session", "x-request-id"} <= set(
        raw.headers
    )


def test_missing_deployment(dated: openai.AzureOpenAI) -> None:
    """An unknown deployment is Azure's 404, without a type."""
    with pytest.raises(openai.NotFoundError) as missed:
        dated.chat.completions.create(model="nothing", messages=HELLO)

    assert (missed.value.code, missed.value.type) == ("DeploymentNotFound", None)


@pytest.mark.parametrize("query", ["", "?api-version=1999-01-01"])
def test_missing_api_version(azure_simulator: AzureOpenAISimulator, query: str) -> None:
    """Without an api-version, or with an unknown one, the path is not found."""
    with (
        openai.OpenAI(
            base_url=f"{azure_simulator.url}/openai/deployments/chat",
            api_key="unused",
            default_headers={"api-key": "azure-key"},
            max_retries=0,
        ) as client,
        pytest.raises(openai.NotFoundError) as missed,
    ):
        client.post(f"/chat/completions{query}", body={"messages": HELLO}, cast_to=object)

    assert missed.value.code == "404"


def test_keys(azure_simulator: AzureOpenAISimulator) -> None:
    """The dated API takes a key or a token, and no key as a bearer."""

    def ask(**keys: str) -> object:
        with openai.AzureOpenAI(
            azure_endpoint=azure_simulator.url, api_version=VERSION, max_retries=0, **keys
        ) as client:
            return client.chat.completions.create(model="chat", messages=HELLO)

    assert ask(azure_ad_token="entra-id-token")
    for keys in ({"azure_ad_token": "azure-key"}, {"api_key": "wrong"}):
        with pytest.raises(openai.AuthenticationError) as refused:
            ask(**keys)
        assert refused.value.code == "401"


def test_filters(dated: openai.AzureOpenAI) -> None:
    """A filtered prompt is a 400 with the findings; a filtered answer is a 200 that says so."""
    with pytest.raises(openai.BadRequestError) as refused:
        dated.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "trigger the prompt filter"}]
        )
    answer = dated.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": "trigger the output filter"}]
    )

    assert refused.value.code == "content_filter"
    body = refused.value.body
    assert isinstance(body, dict)
    assert body["innererror"]["content_filter_result"]["violence"]["filtered"] is True
    assert answer.choices[0].finish_reason == "content_filter"


def test_old_versions_refuse_stream_options(azure_simulator: AzureOpenAISimulator) -> None:
    """Before August 2024 the dated API did not know `stream_options`."""
    with (
        openai.AzureOpenAI(
            azure_endpoint=azure_simulator.url,
            api_key="azure-key",
            api_version="2024-02-01",
            max_retries=0,
        ) as client,
        pytest.raises(openai.BadRequestError) as refused,
    ):
        client.chat.completions.create(
            model="chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )

    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "stream_options")


def test_v1_answers(stock: openai.OpenAI, azure_simulator: AzureOpenAISimulator) -> None:
    """The v1 API serves the stock client: a bearer key, the deployment as the model, no version."""
    answer = stock.chat.completions.create(model="chat", messages=HELLO)
    chunks = list(stock.chat.completions.create(model="chat", messages=HELLO, stream=True))

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    assert chunks[0].choices == []
    assert azure_simulator.requests[0].target == "/openai/v1/chat/completions"
    assert azure_simulator.requests[0].header("authorization") == "Bearer azure-key"


def test_v1_refuses(stock: openai.OpenAI) -> None:
    """The v1 API refuses dated versions, unknown deployments and a missing model."""
    with pytest.raises(openai.BadRequestError, match="API version not supported"):
        stock.chat.completions.create(
            model="chat", messages=HELLO, extra_query={"api-version": VERSION}
        )
    with pytest.raises(openai.NotFoundError) as missed:
        stock.chat.completions.create(model="nothing", messages=HELLO)
    with pytest.raises(openai.BadRequestError) as refused:
        stock.post("/chat/completions", body={"messages": HELLO}, cast_to=object)

    assert missed.value.code == "DeploymentNotFound"
    assert refused.value.param == "model"


def test_lists_models(dated: openai.AzureOpenAI, stock: openai.OpenAI) -> None:
    """Both APIs list the base models."""
    assert [m.id for m in dated.models.list()] == [m.id for m in stock.models.list()]
