"""The second server, which has LiteLLM: it answers for every kind whose name begins with `litellm`.

`LLMPROXY_LITELLM_BIN` is its command, from an environment with LiteLLM (`scripts/test` makes it).
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.api.gateway import Gateway, serving
from tests.api.model_types.places import LONG_TAIL, documents

LOAD_S = 50.0
COMMAND = os.environ.get("LLMPROXY_LITELLM_BIN")
MISSING = "LLMPROXY_LITELLM_BIN is not set: there is no server with LiteLLM (scripts/test makes it)"
SECRETS = {"MISTRAL_SIMULATOR_KEY": "mistral-key", "STUDIO_SIMULATOR_KEY": "studio-key"}


def is_long_tail(request: pytest.FixtureRequest) -> bool:
    """Whether a test asks a model behind LiteLLM."""
    called = getattr(request.node, "callspec", None)
    return called is not None and called.params.get("model") in LONG_TAIL


@contextmanager
def serving_long_tail(folder: Path, endpoints: Mapping[str, str]) -> Iterator[Gateway]:
    """Serve once all models are ready; LiteLLM is loaded after the start.

    Without a command the test is skipped; in CI nothing is: it fails.
    """
    if COMMAND is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
    written = list(documents(endpoints, LONG_TAIL))
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LLMPROXY_BIN", COMMAND)
            gateway = stack.enter_context(serving(folder, written, SECRETS))
        until = time.monotonic() + LOAD_S
        while time.monotonic() < until and _waiting(gateway):
            time.sleep(0.1)
        assert _waiting(gateway) == {}
        yield gateway


def _waiting(gateway: Gateway) -> dict[str, str]:
    """Models that are not ready, with the reasons."""
    _, body = gateway.get("/health/ready")
    reasons: dict[str, str] = json.loads(body)["models"]["reasons"]
    return reasons
