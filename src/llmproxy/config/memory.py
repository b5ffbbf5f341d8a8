"""How much memory this process may use: the machine's, or less where its cgroup says so."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path("/")
SHARE: Final = 4
"""One part of so many is for request bodies. Measured with chats of 8 MiB under way at once: the
process grows by 2.5 times the size of their bodies (as they came, and as they go to a provider).
The rest is for answers, streams and the gateway itself."""


def bytes_for_bodies(max_body_bytes: int, root: Path = ROOT) -> int:
    """Return the default of MAX_BODY_BYTES_IN_MEMORY: a share, but at least one largest body."""
    return max(usable_bytes(root) // SHARE, max_body_bytes)


def usable_bytes(root: Path = ROOT) -> int:
    """Return the least of all that bounds this process's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """Yield what the cgroups of this process say, those above it included.

    Version 2: `0::/path` and `memory.max`; version 1: `number:memory:/path` and
    `memory.limit_in_bytes` (cgroups(7)). In a container the path may be that of the host: then only
    the top is found, and that is the container's own.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return  # not Linux, or hidden: the machine's memory is all that is known
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield from _said(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _said(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")


def _said(top: Path, path: str, name: str) -> Iterator[int]:
    within = PurePosixPath(path.lstrip("/"))
    for folder in (within, *within.parents):
        try:
            text = (top / folder / name).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.isdigit():  # "max" is no limit
            yield int(text)
