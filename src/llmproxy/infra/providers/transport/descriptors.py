"""How many connections to providers this process has file descriptors for."""

import logging
import resource

SPARE = 64
"""For files, the store, other workers and what is just being closed."""

logger = logging.getLogger(__name__)


def within_descriptors(connections: int) -> int:
    """Return so many connections, or fewer where the limit of open files (`ulimit -n`) is low.

    Every call also has a connection of its client's: half of what is left is for these, so that
    calls which find no connection to a provider can still be told so.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    room = max(1, (soft - SPARE) // 2)
    if room < connections // 2:
        logger.warning(
            "with a limit of %d open files at most %d connections to providers fit, not %d:"
            " raise it (ulimit -n) or lower MAX_UPSTREAM_CONNECTIONS",
            soft,
            room,
            connections,
        )
    return min(room, connections)
