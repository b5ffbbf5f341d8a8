"""Many calls at once, through the official SDK, and what became of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import openai

from tests.api.limits.stage import Stage, counting

OK = "ok"


async def outcome(
    client: openai.AsyncOpenAI,
    body: dict[str, Any],
    refusals: type[openai.APIStatusError] = openai.RateLimitError,
) -> str:
    """Make one call: `ok`, or the code of a refusal that the SDK raised; other errors pass."""
    try:
        answer = await client.chat.completions.create(**body)
        if body.get("stream"):
            async for _ in answer:
                pass
    except refusals as error:
        return str(error.code)
    return OK


async def odd_outcome(client: openai.AsyncOpenAI, body: dict[str, Any], kind: str) -> str:
    """The same of a call whose text begins with its kind; one that leaves goes after an event."""
    words = f"{kind}: {body['messages'][0]['content']}"
    body = body | {"messages": [{"role": "user", "content": words}]}
    try:
        if kind != "leave":
            return await outcome(client, body)
        stream = await client.chat.completions.create(**body | {"stream": True})
        await anext(aiter(stream))
        await stream.close()
    except openai.RateLimitError as error:
        return str(error.code)
    except openai.APIStatusError as error:
        return str(error.status_code)
    return OK


async def odd_burst(
    stage: Stage, name: str, kinds: Sequence[str], *, used: int, most: int
) -> Counter[tuple[str, str]]:
    """Make a call of each of these kinds, all at once: what became of each kind."""
    body = counting("counted", used, most)
    async with stage.async_client(name, timeout=60) as client:
        outcomes = await asyncio.gather(*[odd_outcome(client, body, kind) for kind in kinds])
    return Counter(zip(kinds, outcomes, strict=True))


async def burst(
    clients: Sequence[openai.AsyncOpenAI],
    calls: int,
    *,
    used: int,
    most: int,
    refusals: type[openai.APIStatusError] = openai.RateLimitError,
) -> Counter[str]:
    """Make so many calls at once, in turn with these clients, every third streamed.

    The clients are closed after it.
    """
    bodies = [counting("counted", used, most, stream=number % 3 == 2) for number in range(calls)]
    try:
        return Counter(
            await asyncio.gather(
                *[
                    outcome(clients[number % len(clients)], body, refusals)
                    for number, body in enumerate(bodies)
                ]
            )
        )
    finally:
        await asyncio.gather(*[client.close() for client in clients])


async def until_done(
    work: "asyncio.Task[Counter[str]]",
    look: Callable[[], None],
    pause_s: float = 0.1,
) -> Counter[str]:
    """Look again and again, in a thread, until the work is done; its result."""
    while not work.done():
        await asyncio.to_thread(look)
        await asyncio.wait([work], timeout=pause_s)
    return work.result()
