"""Whether a deployment fails so often that others are asked before it.

```
closed ── 5 failures in a row, or half of at least 20 calls in 10 s ──▶ open
open ── its time is over: 5 s at first, twice as long after each probe that failed ──▶ half open
half open ── a call succeeds ──▶ closed;  a call that began since then fails ──▶ open
```

A breaker orders, it refuses nothing: an open deployment is asked when nobody else is left, and now
and then when only other models are. An answer closes its breaker. What began before the breaker
opened says nothing of how the deployment is doing now: a call is told the present era when it
begins, and brings it back when it ends.
"""

from collections.abc import Callable
from typing import Final

FAILURES_IN_A_ROW: Final = 5
LEAST_CALLS: Final = 20
WINDOW_S: Final = 10
OPEN_S: Final = 5.0
LONGEST_OPEN_S: Final = 60.0
JITTER: Final = 0.2
"""An open breaker stays so for up to this share longer, so that several do not probe at once."""
EARLY_EVERY_S: Final = 0.5
"""How often it is tried before its time, while no other deployment is well."""
OFFER_S: Final = 1.0
"""A probe is a call whose order has the deployment first. It may be refused before it gets there:
after this long another call is the probe."""
PROBE_S: Final = 60.0
"""After this long a probe that has not ended is not waited for any more."""
_LONGEST_PLAIN_S: Final = LONGEST_OPEN_S / (1 + JITTER)


class Breaker:
    """Times are monotonic seconds. `until` is when it may be probed, 0 while it is closed."""

    __slots__ = (
        "_bad",
        "_early_at",
        "_early_try",
        "_good",
        "_jitter",
        "_lost_at",
        "_offered_until",
        "_opened_era",
        "_openings",
        "_past",
        "_probes",
        "_second",
        "_streak",
        "era",
        "half_open",
        "until",
    )

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self.era = self._opened_era = 0
        self.until = 0.0
        self.half_open = False
        self._openings = 0
        self._forget()

    def _forget(self) -> None:
        self.half_open = False
        self._streak = self._good = self._bad = self._second = 0
        self._past: list[tuple[int, int, int]] = []
        self._probes = 0
        self._lost_at = self._offered_until = self._early_at = 0.0
        self._early_try = False

    def waits(self, now: float) -> bool:
        """Whether it is open, or half open and somebody probes it."""
        if not self.until:
            return False
        if now < self.until:
            return True
        self._half_open()
        return now < self._offered_until or (self._probes > 0 and now < self._lost_at)

    def _half_open(self) -> None:
        if not self.half_open:
            self.half_open = True
            self.era += 1

    def takes_early(self, now: float) -> bool:
        """Whether a call tries it before its time; then no other does until that has ended."""
        pause_s = PROBE_S if self._early_try else EARLY_EVERY_S
        if not self.until or now < self._early_at + pause_s:
            return False
        self._early_at = now
        self._early_try = True
        return True

    def on_trial(self, now: float) -> bool:
        """Whether a call tries it right now, on whose end it depends whether it closes."""
        if now < self.until:
            return self._early_try and now < self._early_at + PROBE_S
        return bool(self.until) and self.waits(now)

    def offer(self, now: float) -> None:
        """Note that a call is about to probe it, if it is half open."""
        if self.half_open:
            self._offered_until = now + OFFER_S

    def began(self, now: float) -> int:
        """Note that a call begins; return the era."""
        if self.until and now >= self.until:
            self._half_open()
            self._probes += 1
            self._lost_at = now + PROBE_S
            self._offered_until = 0.0
        return self.era

    def let_go(self, era: int) -> None:
        """Note that a call ended that tells nothing."""
        if era >= self._opened_era:
            self._early_try = False
        if self.half_open and era == self.era and self._probes:
            self._probes -= 1

    def succeeded(self, now: float, era: int) -> bool:
        """Note an answer; return whether it closes the breaker."""
        if self.until:
            if era < self._opened_era:
                return False
            self.close()
            return True
        self._streak = 0
        second = int(now)
        if second != self._second:
            self._turn(second)
        self._good += 1
        return False

    def failed(self, now: float, era: int) -> bool:
        """Note a failure; return whether it opens the breaker."""
        if era >= self._opened_era:
            self._early_try = False
        if era != self.era or (self.until and not self.half_open):
            return False
        if self.half_open:
            self._openings += 1
            self._open(now)
            return True
        second = int(now)
        if second != self._second:
            self._turn(second)
        self._bad += 1
        self._streak += 1
        if self._streak < FAILURES_IN_A_ROW and not self._mostly_fails():
            return False
        self._open(now)
        return True

    def _turn(self, second: int) -> None:
        past = self._past
        if self._good or self._bad:
            past.append((self._second, self._good, self._bad))
        while past and past[0][0] <= second - WINDOW_S:
            del past[0]  # of at most ten
        self._second = second
        self._good = self._bad = 0

    def _mostly_fails(self) -> bool:
        bad = self._bad + sum([each[2] for each in self._past])
        calls = bad + self._good + sum([each[1] for each in self._past])
        return calls >= LEAST_CALLS and bad * 2 >= calls

    def _open(self, now: float) -> None:
        plain_s = min(OPEN_S * 2.0**self._openings, _LONGEST_PLAIN_S)
        self._stay_open(now, now + plain_s * (1 + JITTER * self._jitter()))

    def _stay_open(self, now: float, until: float) -> None:
        self._forget()
        self._early_at = now
        self.era += 1
        self._opened_era = self.era
        self.until = until

    def hear_open(self, now: float, until: float) -> bool:
        """Open it because another worker has; return whether that changes anything."""
        until = min(until, now + LONGEST_OPEN_S)
        if until <= max(now, self.until):
            return False
        # As many openings in a row as lead to such a time: a probe that fails doubles it.
        while OPEN_S * 2.0 ** (self._openings + 1) <= until - now:
            self._openings += 1
        self._stay_open(now, until)
        return True

    def close(self) -> None:
        """Close it."""
        self._forget()
        self.era += 1
        self.until = 0.0
        self._openings = 0
