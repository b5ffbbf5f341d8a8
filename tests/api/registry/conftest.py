"""One OpenAI behind all servers of this folder, and how they are told of it."""

from collections.abc import Iterator

import pytest

from tests.api.documents import SECRETS
from tests.api.registry.story import SLOW_MODEL
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

ADMIN_KEY = "adm-" * 10


@pytest.fixture(name="settings")
def _settings() -> dict[str, str]:
    return {**SECRETS, "LLMPROXY_ADMIN_KEY": ADMIN_KEY, "ACCESS_LOG": "off"}


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[OpenAISimulator]:
    with running(OpenAISimulator()) as simulator:
        # A stream of this model takes some seconds.
        simulator.fail_next(times=None, model=SLOW_MODEL, chunk_interval_ms=700)
        yield simulator
