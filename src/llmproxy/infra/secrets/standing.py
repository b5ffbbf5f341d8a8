"""Whether a place where secrets live can be asked, as people read it."""

import logging
from datetime import UTC, datetime

from llmproxy.application.interfaces.clock import Clock

logger = logging.getLogger("llmproxy.secrets")


class Standing:
    """Well, or failing since a time for a reason; each change is one line of the log.

    `name` is what people call the place.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.fault: str | None = None
        self._clock = clock
        self._since = 0.0

    @property
    def problem(self) -> str | None:
        """What is wrong and since when, None when all is well."""
        if self.fault is None:
            return None
        since = datetime.fromtimestamp(self._since, UTC)
        return f"{self.fault} (since {since:%H:%M} UTC)"

    def heard(self, fault: str | None) -> None:
        """Take note of how the last question went; None: it was answered."""
        if fault is not None and self.fault is None:
            self._since = self._clock.now()
            logger.warning("the %s %s; what is loaded stays", self.name, fault)
        if fault is None and self.fault is not None:
            logger.warning("the %s can be asked again", self.name)
        self.fault = fault
