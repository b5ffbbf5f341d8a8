"""An issuer of access tokens without a network, and timers that fire when a test says so."""

import threading
from collections.abc import Callable

from typing_extensions import override

from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.refresher import Timer
from llmproxy.infra.providers.credentials.token import CredentialFailed, Token
from tests.fakes.clock import FakeClock


class FakeIssuer:
    """Gives `tok-1`, `tok-2` …; waits while it is `closed`, fails while `fault` is set."""

    def __init__(self, clock: FakeClock, life_s: float = 3600.0) -> None:
        self._clock = clock
        self.life_s = life_s
        self.asked = 0
        self.at_once = 0
        self.fault: Exception | None = None
        self._inside = 0
        self._open = threading.Event()
        self._open.set()

    def close(self) -> None:
        """Let those who ask from now on wait."""
        self._open.clear()

    def open(self) -> None:
        """Answer all who wait."""
        self._open.set()

    def __call__(self) -> Token:
        """Return the next token, as a `Fetch`."""
        self.asked += 1
        self._inside += 1
        self.at_once = max(self.at_once, self._inside)
        if not self._open.wait(10):
            raise CredentialFailed("the test never opened the issuer")
        self._inside -= 1
        if self.fault is not None:
            raise self.fault
        return Token(Secret(f"tok-{self.asked}"), self._clock.now() + self.life_s)


class FakeTimer(Timer):
    """A call that is still to come."""

    def __init__(self, after_s: float, call: Callable[[], None]) -> None:
        self.after_s = after_s
        self.call = call
        self.cancelled = False

    @override
    def cancel(self) -> None:
        self.cancelled = True


class FakeTimers:
    """Keeps what is to be called later."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.every: list[FakeTimer] = []

    def __call__(self, after_s: float, call: Callable[[], None]) -> FakeTimer:
        """Keep a call, as an event loop's `call_later`."""
        timer = FakeTimer(after_s, call)
        self.every.append(timer)
        return timer

    @property
    def pauses(self) -> list[float]:
        """After how many seconds each was to be called."""
        return [timer.after_s for timer in self.every]

    def fire(self) -> None:
        """Let the time pass until the newest is due, and call it."""
        timer = self.every[-1]
        assert not timer.cancelled
        self._clock.advance(timer.after_s)
        timer.call()
