"""Every model type as openai-node sees it (see tests/clients_node)."""

import json

import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import KINDS
from tests.api.node import needs_node, run_node

ANSWER = "Simulated answer to: hello there"
pytestmark = [
    needs_node,
    pytest.mark.conformance(operation="chat/completions", aspect=("plain", "stream", "tools")),
]


@pytest.mark.parametrize(
    "model",
    [name for name, kind in KINDS.items() if kind.cannot.keys().isdisjoint(("json schema",))],
)
def test_answers(stage: Stage, model: str) -> None:
    """Plain, streamed, counted, with a tool that is forced, and structured."""
    got = run_node(stage.gateway, "answers.mjs", model)

    assert got["text"] == got["streamed"] == got["rawText"] == ANSWER
    assert got["streamError"] is None
    assert got["finishReason"] == "stop"
    assert (got["usageUnasked"], got["usageAskedChoices"]) == (0, [])
    assert got["usageAsked"]["completion_tokens"] == got["usage"]["completion_tokens"]
    assert got["toolCall"]["name"] == "get_weather"
    assert json.loads(got["toolCall"]["arguments"]) == {"city": "example city"}
    assert got["parsed"] == {"name": "example name", "vegan": True}
