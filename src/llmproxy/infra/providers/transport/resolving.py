"""From the name of a host to its addresses, without letting one slow name hold up the others.

The event loop's own look-ups share few threads (libuv: half of four for names), so that two names
of a resolver that hangs would stop every new connection. Here a name has one look-up at a time,
whoever waits for it, in a thread of its own; there are at most MAX_LOOKUPS, and none of them is
waited for at the end of the process.
"""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address

from llmproxy.infra.providers.credentials.threads import in_thread

FRESH_S = 10.0
"""An answer is used so long without asking again; `getaddrinfo` tells no time to live."""
STALE_S = 600.0
"""The last answer is used so long when nobody can be asked."""
PATIENCE_S = 1.0
"""So long a new answer is waited for where there is an old one."""
MAX_LOOKUPS = 16
MAX_NAMES = 1024
MAX_ADDRESSES = 8
MISSING = frozenset((socket.EAI_NONAME, socket.EAI_NODATA))
"""The resolver has answered that there is no such name: an old answer is wrong."""
LookUp = Callable[[str], tuple[str, ...]]
"""Returns the addresses of a name, and blocks meanwhile. Raises OSError."""


class Resolver:
    """Keeps what it has heard of the last MAX_NAMES names."""

    def __init__(self, now: Callable[[], float], look_up: LookUp | None = None) -> None:
        """`now` is a monotonic clock; `look_up` blocks, and without it the system's is used."""
        self._now = now
        self._blocking = look_up or system_addresses
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._asking: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host, best first. Raises OSError (`socket.gaierror`)."""
        if _is_address(host):
            return (host,)
        found_at, known = self._known.get(host, (0.0, ()))
        age_s = self._now() - found_at
        if known and age_s < FRESH_S:
            return known
        old = known if age_s < STALE_S else ()
        asking = self._ask(host)
        if asking is None:
            if old:
                return old
            raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
        return await self._heard(asking, old)

    async def _heard(
        self, asking: asyncio.Task[tuple[str, ...]], old: tuple[str, ...]
    ) -> tuple[str, ...]:
        done, _ = await asyncio.wait((asking,), timeout=PATIENCE_S if old else None)
        if not done:
            return old
        try:
            return asking.result()
        except OSError as error:
            if old and error.errno not in MISSING:
                return old
            raise

    def _ask(self, host: str) -> asyncio.Task[tuple[str, ...]] | None:
        """Return the look-up of this name, a new one if there is none; None if there are many."""
        asking = self._asking.get(host)
        if asking is None and len(self._asking) < MAX_LOOKUPS:
            asking = self._asking[host] = asyncio.ensure_future(self._look_up(host))
            asking.add_done_callback(_seen)
        return asking

    async def _look_up(self, host: str) -> tuple[str, ...]:
        try:
            found = await in_thread(lambda: self._blocking(host), "name-look-up")
        except OSError as error:
            if error.errno in MISSING:
                self._known.pop(host, None)
            raise
        else:
            self._known.pop(host, None)
            while len(self._known) >= MAX_NAMES:
                del self._known[next(iter(self._known))]
            self._known[host] = (self._now(), found)
            return found
        finally:
            del self._asking[host]

    @property
    def asking(self) -> int:
        """How many names are being looked up."""
        return len(self._asking)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def system_addresses(host: str) -> tuple[str, ...]:
    """Ask the system's resolver, and wait for it. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "this cannot be the name of a host") from error
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))[:MAX_ADDRESSES]


def _seen(asking: asyncio.Task[tuple[str, ...]]) -> None:
    if not asking.cancelled():
        asking.exception()  # whoever has asked may have left
