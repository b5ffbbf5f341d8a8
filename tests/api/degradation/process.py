"""What the operating system tells of a server, and what it can be denied."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.gateway import Gateway

TICKS = os.sysconf("SC_CLK_TCK")


def open_files(gateway: Gateway) -> int:
    """How many file descriptors it has."""
    return sum(1 for _ in Path(f"/proc/{gateway.process.pid}/fd").iterdir())


def cpu_s(gateway: Gateway) -> float:
    """How much of the processor it has had."""
    stat = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


def cpu_share(gateway: Gateway, seconds: float) -> float:
    """How much of one processor it takes during this time."""
    before, began = cpu_s(gateway), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(gateway) - before) / (time.monotonic() - began)


def memory_bytes(gateway: Gateway, field: str = "VmRSS") -> int:
    """What it holds in memory; `VmHWM` is the most that it ever held."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


@contextmanager
def few_files(gateway: Gateway, more: int) -> Iterator[int]:
    """While the block runs it may open so many more files; how many that makes."""
    pid = gateway.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = open_files(gateway) + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield limit
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
