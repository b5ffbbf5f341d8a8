"""An audit that tests read."""

from typing_extensions import override

from llmproxy.application.interfaces.audit import Audit, Change


class FakeAudit(Audit):
    """Keeps the changes in order."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    @property
    def words(self) -> list[tuple[str, str]]:
        """What was done to which subject."""
        return [(change.what, change.subject) for change in self.changes]

    @override
    def record(self, change: Change) -> None:
        self.changes.append(change)
