"""What explain shows of every model type is, byte for byte, what its provider then receives.

It is asked of the command line, over the store of the running server.
"""

import json
from typing import Any

import pytest

from tests.api.asking import ask
from tests.api.explain.showing import check_same
from tests.api.gateway import run
from tests.api.model_types.conftest import Stage
from tests.api.model_types.long_tail import COMMAND
from tests.api.model_types.places import LONG_TAIL, able
from tests.simulators.bodies import HELLO, WEATHER

BODIES: dict[str, dict[str, Any]] = {
    "plain": {"messages": HELLO, "max_tokens": 100},
    "tools in events": {"messages": HELLO, "tools": [WEATHER], "stream": True},
}


@pytest.mark.parametrize("body", BODIES)
@able("plain")
def test_what_is_shown_is_what_is_sent(
    stage: Stage, model: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no provider hears of it before."""
    if model in LONG_TAIL and COMMAND is not None:
        monkeypatch.setenv("LLMPROXY_BIN", COMMAND)
    asked = {"model": model, **BODIES[body]}
    environment = stage.gateway.environment
    answer = run(environment, "explain", "-", "--json", given=json.dumps(asked)).encode()
    upstream = stage.upstream(model)
    assert [each for each in stage.simulators.values() if each.requests] == []

    served = ask(stage.gateway.url, "/v1/chat/completions", method="POST", body=asked)

    assert served.status == 200
    [record] = upstream.requests
    check_same(answer, record)
    stage.settled()
