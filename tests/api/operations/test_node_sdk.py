"""The same operations as openai-node sees them."""

from typing import Any

import pytest

from tests.api.node import needs_node, run_node
from tests.api.operations.conftest import Stage

pytestmark = needs_node


@pytest.mark.conformance(
    operation=("embeddings", "completions", "images/generations"),
    provider="OpenAI",
    aspect=("plain", "usage", "errors"),
)
@pytest.mark.conformance(operation="moderations", provider="OpenAI", aspect=("plain", "errors"))
@pytest.mark.conformance(
    operation=("completions", "images/generations"), provider="OpenAI", aspect=("stream", "cancel")
)
def test_every_operation(stage: Stage) -> None:
    """Plain, raw and streamed answers, refusals, and streams that break or are left."""
    # Faults are taken in order of the requests that match: the first two streams go through.
    for path, times in (("/v1/completions", 2), ("/v1/images/generations", 2)):
        stage.first.fail_next(path=path, times=times)
    stage.first.fail_next(
        "cut_mid_stream", path="/v1/completions", after_events=3, chunk_interval_ms=10
    )
    stage.first.fail_next(
        "error_frame", path="/v1/images/generations", after_events=1, chunk_interval_ms=10
    )
    stage.first.fail_next("hang_mid_stream", path="/v1/images/generations", after_events=1)
    got = run_node(stage.gateway, "operations.mjs")

    assert got["sameNumbers"]
    assert got["embeddingUsage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert got["completion"] == got["streamed"] == "Simulated answer to: hello"
    assert got["streamedUsage"]["completion_tokens"] == 4
    assert got["rawRequestID"].startswith("req_")
    assert got["flagged"]
    assert (got["png"], got["imageUsage"]["output_tokens"]) == ("PNG", 1056)
    assert [kind.rpartition(".")[2] for kind in got["events"]] == [
        "partial_image",
        "partial_image",
        "completed",
    ]
    assert got["eventUsage"] == 1256
    assert {name: (error["class"], error["param"]) for name, error in got["refused"].items()} == {
        "embeddings": ("BadRequestError", "input"),
        "completions": ("BadRequestError", "prompt"),
        "moderations": ("BadRequestError", "input"),
        "images": ("BadRequestError", "n"),
    }
    _check_ends(got, stage)


def _check_ends(got: dict[str, Any], stage: Stage) -> None:
    """Each broken stream raised after what came; the one that was left ended its upstream."""
    record = stage.first.requests[-1]
    record.wait_until_over()

    assert got["brokenWords"]["text"]
    assert "Simulated answer to: hello".startswith(got["brokenWords"]["text"])
    codes = {"brokenWords": "upstream_connection_lost", "brokenImage": "upstream_error"}
    for name, code in codes.items():
        assert got[name]["error"]["class"] == "APIError"
        assert got[name]["error"]["code"] == code
    assert got["brokenImage"]["events"] == ["image_generation.partial_image"]
    assert got["first"] == "image_generation.partial_image"
    assert record.disconnected_after_ms is not None
