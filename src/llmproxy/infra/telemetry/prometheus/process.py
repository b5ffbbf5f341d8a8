"""What the operating system and Python say of this process, in the names that Prometheus has.

Those are the names of its own clients (prometheus.io/docs/instrumenting/writing_clientlibs,
"Process metrics"): dashboards that know them know this gateway too.
"""

import gc
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.family import Family, labelled
from llmproxy.infra.telemetry.prometheus.series import number, sample

_SELF: Final = Path("/proc/self")
_FIRST_FIELD: Final = 3
"""Of what stands behind the name in `/proc/self/stat` (proc_pid_stat(5)): the process' state."""
_START_TICKS: Final = 22 - _FIRST_FIELD
_RESIDENT_PAGES: Final = 24 - _FIRST_FIELD
_KIBIBYTE: Final = 1024


class Process:
    """Where there is no `/proc`, the size is the largest that there was, and some are left out."""

    def __init__(self) -> None:
        self._started_at = _started_at()

    def blocks(self, worker: str) -> Iterator[tuple[Family, Iterator[str]]]:
        """Yield every family with its samples."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        figures = {
            families.CPU: used.ru_utime + used.ru_stime,
            families.RESIDENT: _resident_bytes(used.ru_maxrss),
            families.OPEN_FDS: _open_files(),
            families.MAX_FDS: _most_files(),
            families.START: self._started_at,
        }
        for family, value in figures.items():
            if value is not None:
                yield family, iter((sample(family.name, worker, "", number(value)),))
        yield families.GC, _rounds(worker)


def _rounds(worker: str) -> Iterator[str]:
    for generation, stats in enumerate(gc.get_stats()):
        labels = labelled(families.GC.labels, (str(generation),))
        yield sample(families.GC.name, worker, labels, str(stats["collections"]))


def _stat() -> list[str] | None:
    """Return the fields behind the name, which may hold blanks and brackets."""
    try:
        return (_SELF / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def _started_at() -> float | None:
    """Return when the process began, in unix seconds."""
    fields = _stat()
    if fields is None:
        return None
    try:
        whole = Path("/proc/stat").read_text("ascii")
    except OSError:
        return None
    boot = next(int(line.split()[1]) for line in whole.splitlines() if line.startswith("btime "))
    return boot + int(fields[_START_TICKS]) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(most: int) -> float:
    fields = _stat()
    if fields is not None:
        return int(fields[_RESIDENT_PAGES]) * os.sysconf("SC_PAGE_SIZE")
    return most if sys.platform == "darwin" else most * _KIBIBYTE  # getrusage(2) of each


def _open_files() -> float | None:
    try:
        return len(os.listdir(_SELF / "fd")) - 1  # noqa: PTH208 - the folder itself is open too
    except OSError:
        return None


def _most_files() -> float | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
