"""All checks side by side, each for a limited time, so that one that hangs hides no other."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.application.use_cases.doctor.findings import Findings, problem
from llmproxy.domain.errors import GatewayError

logger = logging.getLogger("llmproxy.doctor")

LIMIT_S: Final = 10.0
LATE: Final = "look at what it waits for: the network, a firewall, a proxy, a disk"
"""What to do when a check is not done in time."""
Look = Callable[[], Awaitable[Findings]]


class Check(NamedTuple):
    """Something to look at. `limit_s` None is the limit of the whole examination."""

    name: str
    look: Look
    limit_s: float | None = None


class Examined(NamedTuple):
    """One check with what it found."""

    name: str
    findings: Findings


async def examine(checks: Sequence[Check], limit_s: float = LIMIT_S) -> AsyncIterator[Examined]:
    """Run the checks side by side, and yield each when it is done.

    A check that takes too long or breaks is a problem itself; the others go on.
    """
    tasks = [asyncio.create_task(_examined(check, limit_s)) for check in checks]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _examined(check: Check, limit_s: float) -> Examined:
    limit_s = limit_s if check.limit_s is None else check.limit_s
    try:
        async with asyncio.timeout(limit_s):
            return Examined(check.name, await check.look())
    except TimeoutError:
        found = problem(f"no answer within {limit_s:g} s", LATE)
    except GatewayError as error:
        found = problem(f"{error.message} {error.detail}".strip(), "see what it says")
    except StoreUnusableError as error:
        found = problem(str(error), "see what it says")
    except Exception as error:
        # Its words could hold anything, an address with a password for instance.
        logger.exception("the check %s broke", check.name)
        todo = "this is a fault of LLM Proxy: please report it"
        found = problem(f"the check itself broke: {type(error).__name__}", todo)
    return Examined(check.name, [found])
