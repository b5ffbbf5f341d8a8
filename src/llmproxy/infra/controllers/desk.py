"""What every operation's desk shares: bounds on the body, and how long callers and gateway wait."""

from dataclasses import dataclass
from functools import lru_cache

from llmproxy.infra.controllers.crowd import Crowd
from llmproxy.infra.controllers.visit import Visit

MAX_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Desk:
    """Seconds and bytes, from the settings; `crowd` is where all requests get their room."""

    crowd: Crowd
    max_body_bytes: int
    body_timeout_s: float
    hold_status_s: float
    keep_alive_s: float
    max_upload_bytes: int = 64 * 1024 * 1024
    max_spooled_bytes: int = 4 * 1024 * 1024 * 1024

    @property
    def pulse_s(self) -> float:
        """How often a silent stream is looked at."""
        return min(self.hold_status_s, self.keep_alive_s)

    @staticmethod
    def silence_s(visit: Visit) -> float | None:
        """Return the longest silence this client waits out, as the official SDKs state it.

        openai-python sends `x-stainless-read-timeout`, openai-node `x-stainless-timeout`, both in
        seconds.
        """
        headers = visit.headers
        text = headers.get(b"x-stainless-read-timeout") or headers.get(b"x-stainless-timeout")
        return None if text is None else _seconds(text[:MAX_DIGITS])


@lru_cache(maxsize=256)
def _seconds(text: bytes) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None
