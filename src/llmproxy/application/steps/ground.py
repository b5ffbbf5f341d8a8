"""What every call's way goes by."""

from abc import abstractmethod
from asyncio import sleep
from collections.abc import Awaitable, Callable
from random import random
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Limiter
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.steps.admission import Admission


class Switching(Protocol):
    """Lets a call that was admitted go on with another model."""

    @abstractmethod
    async def switch(self, admission: Admission, code: str) -> None:
        """Hold what the call may use of this model in place of what is held.

        Raises GatewayError; then what was held may be given back already.
        """


class Ground(NamedTuple):
    """What every walk goes by. `jitter` gives numbers from 0 to 1, `pause` waits."""

    fleet: Fleet
    limiter: Limiter
    clock: Clock
    switching: Switching
    jitter: Callable[[], float] = random
    pause: Callable[[float], Awaitable[None]] = sleep
