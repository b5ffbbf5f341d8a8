"""Calls that wait, in a thread of their own.

Not the event loop's own pool: a slow issuer of tokens would take the threads that uploads are
written with, and hold up the end of the process until it has answered.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_thread(work: Callable[[], Answer], name: str) -> Answer:
    """Return what `work()` returns, or raise what it raises; a thread cannot be stopped."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def answer(value: Answer | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            value, error = work(), None
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is awaited
            value, error = None, raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(answer, value, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
