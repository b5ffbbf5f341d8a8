"""The loader: one model after the other, each once, and told when there are more."""

import asyncio
import gc
import sys

import pytest

from llmproxy.infra.providers.long_tail.importing import check_installed
from llmproxy.infra.providers.long_tail.loading import LOADING, Loader
from llmproxy.infra.providers.long_tail.media import Media
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.understanding import Understood
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

pytestmark = pytest.mark.asyncio
MEDIA = Media(pictures=False, links=False, sounds=False, papers=False)


class World:
    """Prepares what is asked for; `fails` names errors to raise instead."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.collecting: list[bool] = []
        self.loaded = 0
        self.loader = Loader(self.prepare, self.more)

    def prepare(self, name: str) -> Prepared:
        """Stand in for LiteLLM."""
        self.asked.append(name)
        self.collecting.append(gc.isenabled())
        if name in self.fails:
            raise self.fails[name]
        return Prepared("p", name, None, Understood(frozenset(), {}), MEDIA)

    def more(self) -> None:
        """Hear that there are more."""
        self.loaded += 1


async def test_loads_once() -> None:
    """The first question begins it, all are told to wait, and then it is there."""
    world = World()
    for name in ("a", "b", "a"):
        with pytest.raises(Incomplete, match=LOADING):
            world.loader.prepared(name)
    await world.loader.settled()
    assert world.asked == ["a", "b"]
    assert world.loaded == 1
    assert world.loader.prepared("a").model == "a"
    with pytest.raises(Incomplete, match=LOADING):
        world.loader.prepared("c")
    await world.loader.settled()
    assert world.loaded == 2


async def test_failures_are_told() -> None:
    """A reason stands for the model until its document changes; others are not hit."""
    world = World()
    world.fails = {"a": Incomplete("no such provider"), "b": ImportError("a broken wheel")}
    for name in ("a", "b", "c"):
        with pytest.raises(Incomplete, match=LOADING):
            world.loader.prepared(name)
    await world.loader.settled()
    with pytest.raises(Incomplete, match="no such provider"):
        world.loader.prepared("a")
    with pytest.raises(Incomplete, match="ImportError: a broken wheel"):
        world.loader.prepared("b")
    assert world.loader.prepared("c").model == "c"
    assert world.asked == ["a", "b", "c"]


async def test_the_collector_rests_meanwhile() -> None:
    """Its rounds would hold up the loop; afterwards it works as before."""
    turn_s = sys.getswitchinterval()
    world = World()
    with pytest.raises(Incomplete):
        world.loader.prepared("a")
    await world.loader.settled()
    assert world.collecting == [False]
    assert gc.isenabled()
    assert sys.getswitchinterval() == turn_s
    gc.unfreeze()


async def test_ends_with_the_server() -> None:
    """A loader that is closed prepares no more and calls nobody."""
    world = World()
    with pytest.raises(Incomplete):
        world.loader.prepared("a")
    world.loader.close()
    await world.loader.settled()
    await asyncio.sleep(0)
    assert world.loaded == 0
    assert gc.isenabled()
    gc.unfreeze()


async def test_without_litellm() -> None:
    """The words say what mends it."""
    with pytest.raises(Incomplete, match=r"scripts/serve --with litellm.*llmproxy\[litellm\]"):
        check_installed()
