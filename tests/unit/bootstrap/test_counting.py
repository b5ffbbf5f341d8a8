"""Whether limits can be counted: who else serves, and what is limited."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.counting import CountedHere, first_limited
from llmproxy.bootstrap.workers import CountedByStore, WorkerSeat
from llmproxy.config import Settings
from llmproxy.config.settings import RedisSettings
from llmproxy.domain.caller import Caller
from llmproxy.domain.document import parse_model
from llmproxy.domain.project import parse_project
from llmproxy.domain.secret import Secret
from llmproxy.infra.controllers.lifespan import StartRefused
from tests.fakes.documents import document

LIMITS = {"requests_per_minute": 60}
PROJECT = parse_project({"id": "team", "limits": LIMITS})
CALLER = Caller("key_1", "team", None, admin=False, expires_at=None, limits=PROJECT.limits)
LIMITED = Snapshot(keys={b"1": CALLER})
pytestmark = pytest.mark.asyncio


class World:
    """A data folder, and other workers of it."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings({}, data_dir=data_dir)
        self.snapshot = Snapshot()
        self.seats: list[WorkerSeat] = []

    def here(self, **settings: object) -> CountedHere:
        """This worker, with its seat taken."""
        told = replace(self.settings, **settings)  # type: ignore[arg-type]
        counting = CountedHere(told, lambda: self.snapshot)
        counting.take_seat()
        return counting

    def other(self, *, serving: bool = True) -> WorkerSeat:
        """Another worker."""
        seat = WorkerSeat(self.settings.data_dir)
        seat.take()
        if serving:
            seat.serve()
        self.seats.append(seat)
        return seat


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for seat in world.seats:
        seat.leave()


REDIS = RedisSettings(Secret("redis://127.0.0.1"))


def _deployment(**fields: object) -> Deployment:
    return Deployment(parse_model(document(**fields)).model, None, None, None)


@pytest.mark.parametrize(
    ("snapshot", "named"),
    [
        (Snapshot(), None),
        (Snapshot((_deployment(),), {b"1": replace(CALLER, limits=None)}), None),
        (LIMITED, "key key_1"),
        (Snapshot(projects={"team": PROJECT}), "project team"),
        (Snapshot((_deployment(limits=LIMITS),)), "model gpt-mini"),
        (Snapshot((_deployment(model_limits=LIMITS),)), "model gpt-mini"),
    ],
)
async def test_what_is_limited_is_named(snapshot: Snapshot, named: str | None) -> None:
    """A key, a project even without keys, a document, all documents of a code."""
    assert first_limited(snapshot) == named


async def test_alone_limits_are_counted(world: World) -> None:
    """They are there at the start, and more can be made."""
    world.snapshot = LIMITED
    here = world.here()
    here.let_in()
    assert (here.fault(), here.countable(), here.unenforceable()) == (None, True, None)
    await here.close()
    await here.close()


async def test_beside_others_without_limits(world: World) -> None:
    """It starts; a limit is not made as soon as somebody else only starts."""
    world.other(serving=False)
    here = world.here()
    here.let_in()
    fault = here.fault()
    assert fault is not None
    assert "REDIS_URL" in fault
    assert here.countable()
    await here.close()


@pytest.mark.parametrize("case", ["serving", "starting", "replicas"])
async def test_beside_others_with_limits(world: World, case: str) -> None:
    """It does not start, and says what is limited and what to do; over Redis it does."""
    world.snapshot = LIMITED
    settings: dict[str, object] = {"replicas_many": case == "replicas"}
    if case != "replicas":
        world.other(serving=case == "serving")
    here = world.here(**settings)
    with pytest.raises(StartRefused) as caught:
        here.let_in()
    for word in ("key key_1", "REDIS_URL", "REPLICAS" if case == "replicas" else "another worker"):
        assert word in str(caught.value)
    await here.close()
    over_redis = world.here(redis=REDIS, **settings)
    over_redis.let_in()
    assert (over_redis.fault(), over_redis.countable()) == (None, True)
    await over_redis.close()


async def test_a_start_after_this_one_does_not_disturb(world: World) -> None:
    """It has a higher seat, and is refused itself."""
    world.snapshot = LIMITED
    here = world.here()
    late = world.here()
    here.let_in()
    with pytest.raises(StartRefused):
        late.let_in()
    await asyncio.sleep(1.3)
    assert here.countable()
    await late.close()
    await here.close()


async def test_a_limit_that_appears_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls that have limits are refused, the log and the readiness say so, until it is over."""
    here = world.here()
    here.let_in()
    other = world.other()
    await _until(lambda: not here.countable())
    assert here.unenforceable() is None
    with caplog.at_level(logging.ERROR, "llmproxy"):
        world.snapshot = LIMITED
        said = here.unenforceable()
        assert said is not None
        assert "key key_1" in said
        await _until(lambda: said in caplog.text)
        await asyncio.sleep(1.3)
    assert caplog.text.count(said) == 1
    other.leave()
    await _until(here.countable)
    assert here.unenforceable() is None
    await here.close()


async def test_the_command_line_sees_the_workers(world: World) -> None:
    """Beside one it may make limits, beside two it may not, and not where there are many."""
    by_store = CountedByStore(world.settings)
    assert by_store.fault() is None
    world.other()
    assert by_store.fault() is None
    world.other(serving=False)
    fault = by_store.fault()
    assert fault is not None
    assert "2 workers" in fault
    assert CountedByStore(replace(world.settings, redis=REDIS)).fault() is None
    many = CountedByStore(replace(world.settings, data_dir=Path("/none"), replicas_many=True))
    assert "REPLICAS=many" in (many.fault() or "")


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen within 5 s")
