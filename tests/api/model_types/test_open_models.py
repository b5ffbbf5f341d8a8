"""The golden pairs of `tests/recorded/vertex_open_models.json`: what passes, what changes."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.asking import TIMEOUT_S
from tests.api.model_types.conftest import Stage

RECORDED = Path(__file__).parents[2] / "recorded" / "vertex_open_models.json"
CASES = [
    pytest.param(case, id=case["says"]) for case in json.loads(RECORDED.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_bytes(stage: Stage, case: Any) -> None:  # noqa: ANN401 - JSON
    """The provider gets these very bytes, and the client the provider's answer."""
    address = stage.gateway.base_url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    kind = {"content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", case["request"].encode(), kind)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()

    [request] = stage.upstream(case["model"]).requests
    assert request.body == case["sent"].encode()
    assert answer.getheader("x-llmproxy-changed") == case["changed"]
    assert b"Simulated answer to: hello there" in said
