"""Several requests that make one answer, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from llmproxy.domain.errors import TimedOut

MAX_AT_ONCE = 4
"""One call must not take all of a deployment's quota, nor many connections."""


class Fetched(NamedTuple):
    """An answer's head and its whole body."""

    head: bytes
    body: bytes


async def all_of(
    ask: Callable[[bytes], Awaitable[Fetched]], bodies: Sequence[bytes], total_s: float | None
) -> list[Fetched]:
    """Return what each body is answered with, in their order, within `total_s` for all.

    The first failure ends the others and is raised: a part of an answer is none.
    """
    answers: dict[int, Fetched] = {}
    left = iter(enumerate(bodies))

    async def work() -> None:
        for number, body in left:
            answers[number] = await ask(body)

    tasks = [asyncio.ensure_future(work()) for _ in range(min(MAX_AT_ONCE, len(bodies)))]
    try:
        async with asyncio.timeout(total_s):
            await asyncio.gather(*tasks)
    except TimeoutError as error:
        raise TimedOut("The provider did not answer all parts of the request in time.") from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [answers[number] for number in range(len(bodies))]
