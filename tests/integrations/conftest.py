"""One server for all integrations; no fault planned when a test begins."""

from collections.abc import Iterator

import pytest

from tests.integrations.stage import Stage, stage


@pytest.fixture(scope="session", name="whole_stage")
def _whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("integrations")) as made:
        yield made


@pytest.fixture(name="stage")
def _stage(whole_stage: Stage) -> Iterator[Stage]:
    whole_stage.openai.reset()
    yield whole_stage
    whole_stage.gateway.check()
