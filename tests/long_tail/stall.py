"""Loads a model's translator in a fresh process while a ticker runs on its event loop.

Prints how long the loop did not come to its turn at most: in seconds of this process' own work,
which other processes of a busy machine do not lengthen, and in seconds of the clock. Then how long
the loading took.
"""

import asyncio
import sys
import time

from llmproxy.infra.providers.long_tail.entry import warmed
from llmproxy.infra.providers.long_tail.loading import Loader
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

TICK_S = 0.001


async def main(name: str) -> None:
    """Load `name`."""
    loader = Loader(warmed, lambda: None)
    began = at = time.perf_counter()
    worked = time.process_time()
    longest_work_s = longest_s = 0.0
    try:
        loader.prepared(name)
    except Incomplete:
        loading = asyncio.create_task(loader.settled())
    while not loading.done():
        await asyncio.sleep(TICK_S)
        work, now = time.process_time(), time.perf_counter()
        longest_work_s, worked = max(longest_work_s, work - worked), work
        longest_s, at = max(longest_s, now - at), now
    loader.prepared(name)
    sys.stdout.write(f"{longest_work_s:.4f} {longest_s:.4f} {at - began:.2f}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
