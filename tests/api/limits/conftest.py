"""One server for most of these tests."""

from collections.abc import Iterator

import pytest

from tests.api.limits.models import documents
from tests.api.limits.stage import Stage, staged
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running


@pytest.fixture(scope="package", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        running(OpenAISimulator()) as upstream,
        staged(tmp_path_factory.mktemp("limits"), upstream, documents(upstream)) as stage,
    ):
        yield stage


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    """No fault is planned, nothing has arrived; a test during which the server fails fails."""
    whole_stage.upstream.reset()
    yield whole_stage
    whole_stage.gateway.check()
