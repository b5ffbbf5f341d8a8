"""LangChain's `ChatOpenAI` and `OpenAIEmbeddings`; agents are in tests/api/model_types."""

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from tests.integrations.stage import BUSY, CHAT, EMBEDDER, WINDOW_S, Stage
from tests.simulators.operations.embeddings import DIMENSIONS

ANSWER = "Simulated answer to: hello there"


class Recipe(BaseModel):
    """A recipe."""

    name: str
    vegan: bool


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is sunny in {city}."


def chat(stage: Stage, model: str = CHAT, key: str = "", **options: Any) -> ChatOpenAI:  # noqa: ANN401
    """The model at the gateway, without retries of its own."""
    return ChatOpenAI(
        model=model,
        base_url=stage.gateway.base_url,
        api_key=SecretStr(key or stage.key),
        max_retries=0,
        **options,
    )


def test_answers(stage: Stage) -> None:
    """Whole and in pieces, with the usage of both."""
    whole = chat(stage).invoke("hello there")
    chunks = list(chat(stage, stream_usage=True).stream("hello there"))
    streamed = chunks[0]
    for chunk in chunks[1:]:
        streamed += chunk

    assert isinstance(streamed, AIMessageChunk)
    assert whole.content == streamed.content == ANSWER
    assert len(chunks) > 3
    assert whole.usage_metadata is not None
    assert streamed.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == streamed.usage_metadata["output_tokens"] > 0


def test_tools_and_objects(stage: Stage) -> None:
    """A tool is called with its arguments, and an answer has the shape that was asked for."""
    called = chat(stage).bind_tools([get_weather]).invoke("use get_weather")
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [
        ("get_weather", {"city": "example city"})
    ]
    shaped = chat(stage).with_structured_output(Recipe).invoke("a recipe")
    assert shaped == Recipe(name="example name", vegan=True)


def test_embeddings(stage: Stage) -> None:
    """One vector for each text; counting tokens first would fetch tiktoken's tables."""
    made = OpenAIEmbeddings(
        model=EMBEDDER,
        base_url=stage.gateway.base_url,
        api_key=SecretStr(stage.key),
        check_embedding_ctx_length=False,
    )
    assert [len(vector) for vector in made.embed_documents(["one", "two"])] == [
        DIMENSIONS,
        DIMENSIONS,
    ]


def test_failures(stage: Stage) -> None:
    """They are openai-python's exceptions, with the codes of OpenAI."""
    with pytest.raises(openai.AuthenticationError):
        chat(stage, key="sk-wrong").invoke("hello there")
    with pytest.raises(openai.NotFoundError):
        chat(stage, model="gpt-0").invoke("hello there")
    key = stage.limited_key()
    chat(stage, key=key).invoke("hello there")
    with pytest.raises(openai.RateLimitError) as refused:
        chat(stage, key=key).invoke("hello there")
    assert refused.value.code == "rate_limit_exceeded"
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= WINDOW_S
    stage.openai.fail_next("cut_mid_stream", model=BUSY, after_events=4)
    with pytest.raises(openai.APIError, match="connection"):
        list(chat(stage, model=BUSY).stream("hello there"))
