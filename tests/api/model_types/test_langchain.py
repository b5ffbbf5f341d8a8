"""LangChain's `ChatOpenAI` and an agent that calls a tool, for each model type."""

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import able, thinking

pytestmark = pytest.mark.conformance(operation="chat/completions", aspect="tools")


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is sunny in {city}."


def _model(stage: Stage, name: str) -> ChatOpenAI:
    return ChatOpenAI(
        model=name, base_url=stage.gateway.base_url, api_key=SecretStr("sk-none"), max_retries=0
    )


@able("tools")
def test_an_agent_calls_a_tool(stage: Stage, model: str) -> None:
    """It calls the tool, reads what it says and answers; thoughts that it loses do not stop it."""
    agent = create_agent(_model(stage, thinking(model)), [get_weather])
    messages = agent.invoke({"messages": [{"role": "user", "content": "use get_weather"}]})[
        "messages"
    ]

    calling, result, answer = messages[1:]
    assert isinstance(calling, AIMessage)
    assert [call["name"] for call in calling.tool_calls] == ["get_weather"]
    assert isinstance(result, ToolMessage)
    assert result.content == "It is sunny in example city."
    assert "It is sunny in example city." in str(answer.content)


@pytest.mark.conformance(aspect="stream")
@able("tools")
def test_an_agent_in_events(stage: Stage, model: str) -> None:
    """Streamed, the same happens token by token."""
    agent = create_agent(_model(stage, model), [get_weather])
    heard = [
        token.content
        for token, _ in agent.stream(
            {"messages": [{"role": "user", "content": "use get_weather"}]}, stream_mode="messages"
        )
        if isinstance(token, AIMessage)
    ]

    said = "".join(part if isinstance(part, str) else "" for part in heard)
    assert "It is sunny in example city." in said
