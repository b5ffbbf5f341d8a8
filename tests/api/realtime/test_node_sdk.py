"""Realtime sessions through the gateway, as openai-node holds them (see tests/clients_node)."""

import pytest

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.api.node import needs_node, run_node
from tests.api.realtime.hearing import heard


@needs_node
@pytest.mark.conformance(operation="realtime", aspect=("stream", "usage"))
@pytest.mark.parametrize("model", ["talker"])
def test_a_text_response(gateway: Gateway, upstreams: Upstreams, model: str) -> None:
    """OpenAIRealtimeWS updates, asks, hears every event, and closes with a code of its own."""
    got = run_node(gateway, "realtime.mjs", model)

    assert got["text"] == "Simulated answer to: hello there"
    assert got["types"][:2] == ["session.created", "session.updated"]
    assert got["usage"]["output_tokens"] == 5
    assert got["code"] == 4100
    record = heard(upstreams, 3)
    record.wait_until_over()
    assert record.heard.closed == (4100, "enough")
