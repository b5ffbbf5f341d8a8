"""What the chain holds of one secret, and where it came from."""

from dataclasses import dataclass
from enum import StrEnum

from llmproxy.domain.secret import Secret


class Place(StrEnum):
    """Where a value was found; the environment is not held, it is asked each time."""

    FILE = "file"
    VAULT = "vault"


@dataclass(slots=True)
class Held:
    """One reference. It is changed on the event loop only, and read by any thread."""

    secret: Secret | None = None
    place: Place | None = None
    looked: bool = False
    """Whether every place was asked once."""
    told: bool = False
    """Whether somebody was told what `secret` is now, or that there is none."""
    fault: str | None = None
    """Why the last look gave no definite answer; `secret` is then the one from before."""
    alone: bool = False
    """Whether `fault` concerns this secret only, not all of a place."""
    misses: int = 0
    """How many times in a row `place` has said that it has the secret no more."""

    def found(self, value: str, place: Place) -> bool:
        """Take a value; whether somebody knows another answer and has to be told."""
        self.looked, self.fault, self.misses, self.place = True, None, 0, place
        if self.secret is not None and self.secret.expose() == value:
            return False
        self.secret = Secret(value)
        return self._news()

    def failed(self, fault: str, *, alone: bool = False) -> None:
        """Keep what there is: the place could not say."""
        self.looked, self.fault, self.alone = True, fault, alone

    def missed(self, patience: int = 1) -> bool:
        """Hear that the secret is not there; whether somebody has to be told.

        A value stays until its place has said so `patience` times in a row.
        """
        self.looked, self.fault = True, None
        self.misses += 1
        if self.secret is None or self.misses < patience:
            return False
        self.secret, self.place, self.misses = None, None, 0
        return self._news()

    def _news(self) -> bool:
        told, self.told = self.told, False
        return told
