"""Progress on stderr: a line per measurement, with the time since the start."""

import sys
import time


class Progress:
    """Counts steps when it was told how many there are."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._wanted = 0
        self._done = 0

    def expect(self, steps: int) -> None:
        """So many `step` calls will follow."""
        self._wanted, self._done = steps, 0

    def step(self, text: str) -> None:
        """Announce that one of the expected steps has ended."""
        self._done += 1
        self.say(f"{self._done:>3}/{self._wanted}  {text}")

    def say(self, text: str) -> None:
        """Show one line."""
        seconds = int(time.monotonic() - self._began)
        print(f"[{seconds // 60:02d}:{seconds % 60:02d}] {text}", file=sys.stderr, flush=True)
