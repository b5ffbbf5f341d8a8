"""How well the registry follows its store, for health and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistryState:
    """What is known of the store now.

    `away` says by kind (models, keys, projects) why the store could not be asked the last time;
    `emptied` are the kinds of which it says that it holds none any more, which is not believed.
    `age_s` is how long ago the store was heard last, None for never. `held_at` is the time (unix
    seconds) of the last good state that is served from while the store was never heard.
    """

    away: Mapping[str, str]
    emptied: tuple[str, ...]
    age_s: float | None
    held_at: float | None

    @property
    def current(self) -> bool:
        """Whether what is served is what the store holds."""
        return not self.away and not self.emptied and self.held_at is None
