"""Several requests that make one answer, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from llmproxy.infra.providers.openai_wire.failures import transport_failure
from llmproxy.infra.providers.transport.errors import Silent, Wait
from llmproxy.infra.providers.transport.target import Patience

MAX_AT_ONCE = 4
"""One call must not take all of a deployment's quota, nor many connections."""


class Fetched(NamedTuple):
    """An answer's head and its whole body."""

    head: bytes
    body: bytes


async def all_of(
    ask: Callable[[bytes], Awaitable[Fetched]], bodies: Sequence[bytes], patience: Patience
) -> list[Fetched]:
    """Return what each body is answered with, in their order, within one `total_s` for all.

    The first failure ends the others and is raised: a part of an answer is none.
    """
    answers: dict[int, Fetched] = {}
    left = iter(enumerate(bodies))

    async def work() -> None:
        for number, body in left:
            answers[number] = await ask(body)

    tasks = [asyncio.ensure_future(work()) for _ in range(min(MAX_AT_ONCE, len(bodies)))]
    try:
        async with asyncio.timeout(patience.total_s):
            await asyncio.gather(*tasks)
    except TimeoutError as error:
        by_client = Wait.TOTAL in patience.of_client
        late = Silent(Wait.TOTAL, patience.total_s or 0.0, by_client=by_client)
        raise transport_failure(late) from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [answers[number] for number in range(len(bodies))]
