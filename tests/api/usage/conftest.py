"""One server with calls of two projects, for all tests of usage."""

from collections.abc import Iterator

import pytest

from tests.api.admin.administrator import ADMIN_KEY, Administrator
from tests.api.asking import within
from tests.api.documents import SECRETS
from tests.api.gateway import serving
from tests.api.usage.world import CARRIED_S, World, documents, make_calls
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running


@pytest.fixture(scope="package", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = SECRETS | {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    folder = tmp_path_factory.mktemp("usage")
    with (
        running(OpenAISimulator()) as upstream,
        serving(folder, documents(upstream), settings) as gateway,
    ):
        world = World(Administrator(gateway), upstream)
        make_calls(world)
        assert within(CARRIED_S, world.carried)
        yield world
