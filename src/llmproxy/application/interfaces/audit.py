"""The record of changes to models, keys and projects."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Actor(NamedTuple):
    """Who makes a change, as the audit names it: `key:key_0123…`, `cli:alice`, `environment`."""

    name: str


class Change(NamedTuple):
    """One change. `what` is a word such as `model.replaced` or `key.revoked`.

    `before` and `after` are the plain objects, None where there was or is none. Whoever makes the
    change has masked what could be a secret, and never passes a key or its digest.
    """

    actor: Actor
    what: str
    subject: str
    """Id of the model, key or project."""
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


class Audit(Protocol):
    """Takes a line per change."""

    @abstractmethod
    def record(self, change: Change) -> None:
        """Keep the change with the present time; never raises for a full disk, but says so."""
