"""The same as openai-node sees it."""

import pytest

from tests.api.node import needs_node, run_node
from tests.api.responses.conftest import Stage

pytestmark = needs_node


@pytest.mark.conformance(
    operation=("responses", "responses by id"),
    provider="OpenAI",
    aspect=("plain", "stream", "errors"),
)
def test_every_operation(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made, streamed, found again, and broken in the middle, on which the SDK raises."""
    monkeypatch.setenv("OPENAI_API_KEY", stage.alpha)
    stage.first.fail_next("cut_mid_stream", contains="broken", after_events=7, chunk_interval_ms=5)
    got = run_node(stage.gateway, "responses.mjs")

    assert got["text"] == "Simulated answer to: hello"
    assert (got["streamed"][0], got["streamed"][-1]) == ("response.created", "response.completed")
    assert got["sameId"]
    assert got["replayed"] == list(range(3, len(got["streamed"])))
    assert (got["items"], got["counted"], got["compacted"]) == (1, 2, "compaction")
    assert got["cancelled"] == "cancelled"
    assert got["gone"]["class"] == "NotFoundError"
    assert got["broken"]["last"] == "response.output_text.delta"
    assert got["broken"]["error"]["class"] == "APIError"
