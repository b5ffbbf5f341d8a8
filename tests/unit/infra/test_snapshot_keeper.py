"""The snapshot keeper builds anew what was not ready, when it is asked to, and nothing else."""

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.model import Model
from llmproxy.infra.database.memory import MemoryKeyRepository, MemoryModelRepository
from llmproxy.infra.database.snapshot import SnapshotKeeper
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


class Store(MemoryModelRepository):
    """A store that can be away."""

    away = False

    async def load_all(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - the port's
        """Give all documents, or none while it is away."""
        if self.away:
            raise Unavailable("away")
        return await super().load_all()


class World:
    """A keeper over two models, of which `slow` is not ready before `loaded`."""

    def __init__(self) -> None:
        self.models = Store()
        self.registry = Registry(FakeClock())
        self.built: list[str] = []
        self.loaded = False
        self.keeper = SnapshotKeeper(
            self.models, MemoryKeyRepository(), self.registry, self.build, {}
        )

    def build(self, model: Model, created: int) -> Deployment:
        """Make a deployment and take note of it."""
        self.built.append(model.id)
        waits = model.id == "slow" and not self.loaded
        return Deployment(model, None, None, "being loaded" if waits else None, created)

    async def begin(self) -> None:
        """Load the first snapshot."""
        await self.models.put_all([document(id="fast"), document(id="slow")], at=0.0)
        await self.keeper.look()

    @property
    def waiting(self) -> list[str]:
        """Models of the snapshot that are not ready."""
        every = self.registry.snapshot.deployments
        return [each.model.id for each in every if each.not_ready is not None]


async def test_only_what_waits_is_built_anew() -> None:
    """A ready model keeps its deployment, and the store need not have changed."""
    world = World()
    await world.begin()
    assert (world.built, world.waiting) == (["fast", "slow"], ["slow"])
    world.loaded = True
    await world.keeper.look()
    assert world.waiting == ["slow"]
    world.keeper.reconsider()
    await world.keeper.look()
    assert (world.built, world.waiting) == (["fast", "slow", "slow"], [])
    await world.keeper.look()
    assert world.built == ["fast", "slow", "slow"]


async def test_a_failed_look_is_repeated() -> None:
    """What was to be built anew is not forgotten while the store is away."""
    world = World()
    await world.begin()
    world.loaded = True
    world.keeper.reconsider()
    world.models.away = True
    with pytest.raises(Unavailable):
        await world.keeper.look()
    world.models.away = False
    await world.keeper.look()
    assert world.waiting == []
