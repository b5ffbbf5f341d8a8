"""What the operating system tells of a server, and what it can be denied."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.api.gateway import Gateway
from tests.api.traces import cpu_s, open_files


def cpu_share(gateway: Gateway, seconds: float) -> float:
    """How much of one processor it takes during this time."""
    before, began = cpu_s(gateway.process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(gateway.process.pid) - before) / (time.monotonic() - began)


@contextmanager
def few_files(gateway: Gateway, more: int) -> Iterator[int]:
    """While the block runs it may open so many more files; how many that makes."""
    pid = gateway.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = open_files(pid) + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield limit
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
