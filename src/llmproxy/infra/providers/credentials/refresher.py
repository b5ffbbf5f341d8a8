"""One credential whose tokens are renewed before they end.

A request takes the token that there is. It waits only when there is none that is still good, and
then for the one fetch that is under way, which all who wait share.
"""

import asyncio
import logging
import weakref
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.domain.errors import OwnFault
from llmproxy.infra.providers.credentials.credential import Credential
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.credentials.token import CredentialFailed, Fetch, Token, told

logger = logging.getLogger("llmproxy.credentials")

WAIT_S: Final = 10.0
"""Longest that a request waits for a token."""
EARLY_SHARE: Final = 0.25
MAX_EARLY_S: Final = 3600.0
"""A token is renewed when a quarter of its life is left, at most an hour before its end.

Google's metadata server hands out the old token until 5 minutes before its end
(cloud.google.com/compute/docs/access/authenticate-workloads, 2026-11): of what is then left, a
quarter counts again.
"""
MIN_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 60.0
REFUSED_EVERY_S: Final = 30.0
"""Least time between renewals that a provider's 401 asks for."""


class Timer(Protocol):
    """A call that is still to come."""

    @abstractmethod
    def cancel(self) -> None:
        """Forget it."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after so many seconds, as an event loop's `call_later`."""


class Refresher(Credential):
    """Holds the newest token of one identity, in memory only, and renews it until it is dropped.

    Nothing but the models that use it keeps it alive. `name` is what people read of it.
    """

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        clock: Clock,
        later: Later | None = None,
        *,
        wait_s: float = WAIT_S,
    ) -> None:
        self.name = name
        self._fetch = fetch
        self._clock = clock
        self._later = later or asyncio.get_running_loop().call_later
        self._wait_s = wait_s
        self._token: Token | None = None
        self._flight: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._problem: str | None = None
        self._failures = 0
        self._next_at = 0.0
        self._refused_at = -REFUSED_EVERY_S
        self._renew()

    @override
    def line(self) -> bytes | None:
        token = self._token
        return token.line if token is not None and self._clock.now() < token.expires_at else None

    @override
    async def ready(self) -> bytes:
        line = self.line()
        if line is None:
            if not self._pausing:
                self._renew()
            if self._flight is not None:
                await asyncio.wait((self._flight,), timeout=self._wait_s)
            line = self.line()
        if line is None:
            raise self._fault()
        return line

    @override
    def refused(self) -> None:
        now = self._clock.monotonic()
        rested = now - self._refused_at >= REFUSED_EVERY_S
        if self._flight is None and rested and not self._failures:
            self._refused_at = now
            logger.warning("a provider refused the token of %s: it is renewed early", self.name)
            self._renew()

    @property
    def expired(self) -> bool:
        """Whether requests have to wait: there is no token, or none that is still good."""
        return self.line() is None

    @property
    def failing(self) -> bool:
        """Whether the last renewal failed."""
        return self._failures > 0

    @property
    def problem(self) -> str | None:
        """What is wrong, in one line without secrets; None when all is well."""
        if self._problem is None:
            return "its token has expired, a new one is on its way" if self._lapsed else None
        return f"{self._problem}; {self._outlook()}"

    @property
    def _lapsed(self) -> bool:
        return self._token is not None and self.expired

    @property
    def _pausing(self) -> bool:
        return self._failures > 0 and self._clock.monotonic() < self._next_at

    def _outlook(self) -> str:
        token = self._token
        if token is None:
            return "there is no token"
        left_s = token.expires_at - self._clock.now()
        return "its token has expired" if left_s <= 0 else f"its token is good for {left_s:.0f} s"

    def _fault(self) -> OwnFault:
        slow = self._flight is not None
        late = f"no token came within {self._wait_s:g} s" if slow else "there is no token"
        return OwnFault(
            "The gateway has no valid credential for the provider of this model.",
            code="upstream_credentials",
            detail=f"{self.name}: {self.problem or late}",
        )

    def _renew(self) -> None:
        """Begin a fetch, unless one is under way."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())

    async def _fly(self) -> None:
        try:
            token = await in_thread(self._fetch, "credential")
            if token.expires_at <= self._clock.now():
                raise CredentialFailed("the token that came has already expired")
        except CredentialFailed as failure:
            pause_s = self._failed(str(failure))
        except Exception as error:  # noqa: BLE001 - an SDK may raise anything; renewing must go on
            pause_s = self._failed(f"{type(error).__name__}: {told(error)}")
        else:
            pause_s = self._renewed(token)
        finally:
            self._flight = None
        self._after(pause_s)

    def _renewed(self, token: Token) -> float:
        """Take the token; return in how many seconds to ask for the next one."""
        if self._failures:
            logger.warning("%s is renewed again", self.name)
        self._token, self._problem, self._failures = token, None, 0
        life_s = token.expires_at - self._clock.now()
        return max(life_s - min(life_s * EARLY_SHARE, MAX_EARLY_S), MIN_PAUSE_S)

    def _failed(self, problem: str) -> float:
        """Take note of a failure; return in how many seconds to try again."""
        pause_s = min(MIN_PAUSE_S * (1 << min(self._failures, 10)), MAX_PAUSE_S)
        self._failures += 1
        self._problem = problem
        self._next_at = self._clock.monotonic() + pause_s
        words = "%s could not be renewed (%d in a row, again in %.0f s; %s): %s"
        logger.warning(words, self.name, self._failures, pause_s, self._outlook(), problem)
        return pause_s

    def _after(self, seconds: float) -> None:
        """Renew after this time; the timer alone does not keep the credential alive."""
        self._timer = self._later(seconds, _Due(self))

    def close(self) -> None:
        """Renew no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flight is not None:
            self._flight.cancel()


class _Due:
    """A timer's call on a refresher that may be gone by then."""

    __slots__ = ("_refresher",)

    def __init__(self, refresher: Refresher) -> None:
        self._refresher = weakref.ref(refresher)

    def __call__(self) -> None:
        refresher = self._refresher()
        if refresher is not None:
            refresher._renew()  # noqa: SLF001 - its own timer
