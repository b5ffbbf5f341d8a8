"""Loading LiteLLM beside the requests that are served: one model after the other, in a thread.

Measured (litellm 1.110.2, Python 3.11, 2 cores): the import takes 3 to 10 s in a thread. The event
loop then stalled up to 200 ms, nearly all of it the garbage collector walking over what is being
made; without its rounds and with shorter turns of the threads it is 35 to 50 ms, and up to 130 ms
where others use both cores (`tests/long_tail/stall.py`).
"""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.credentials.token import told
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

logger = logging.getLogger("llmproxy.providers")

TURN_S: Final = 0.0005
LOADING: Final = "LiteLLM is being loaded: some seconds after the start, or after its first model"

Prepare = Callable[[str], Prepared]


class Loader:
    """Prepares models by their names at LiteLLM. `loaded` is called when more are prepared."""

    def __init__(self, prepare: Prepare, loaded: Callable[[], None]) -> None:
        self._loaded = loaded
        self._prepare = prepare
        self._known: dict[str, Prepared | str] = {}
        self._waiting: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def prepared(self, name: str) -> Prepared:
        """Return what is known of a model.

        Raises Incomplete while it is being prepared, which this begins, and when it cannot be.
        """
        known = self._known.get(name)
        if isinstance(known, Prepared):
            return known
        if known is not None:
            raise Incomplete(known)
        if name not in self._waiting:
            self._waiting.append(name)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        raise Incomplete(LOADING)

    async def settled(self) -> None:
        """Wait until nothing is being prepared."""
        while self._task is not None and not self._task.done():
            await asyncio.wait((self._task,))

    def close(self) -> None:
        """Prepare no more; a thread that is at it ends by itself."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            with undisturbed():
                while self._waiting:
                    name = self._waiting[0]
                    self._known[name] = await self._tried(name)
                    self._waiting.pop(0)
        finally:
            self._task = None
        self._loaded()

    async def _tried(self, name: str) -> Prepared | str:
        try:
            return await in_thread(partial(self._prepare, name), "litellm")
        except Incomplete as error:
            return str(error)
        except Exception as error:
            logger.warning("LiteLLM could not prepare %s", name, exc_info=error)
            return f"LiteLLM cannot be used for it: {type(error).__name__}: {told(error)}"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the event loop answering while a thread makes very many objects.

    They stay for good and need no collector: afterwards they are taken out of its rounds, as those
    of the start are (`bootstrap/serving.py`).
    """
    collecting = gc.isenabled()
    turn_s = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(min(TURN_S, turn_s))
    try:
        yield
    finally:
        sys.setswitchinterval(turn_s)
        gc.freeze()
        if collecting:
            gc.enable()
