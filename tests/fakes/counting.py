"""Workers that are there or not, as a test says."""

from typing_extensions import override

from llmproxy.application.interfaces.counting import Counting


class FakeCounting(Counting):
    """`reason` is the fault, None while limits can hold."""

    def __init__(self, reason: str | None = None) -> None:
        self.reason = reason

    @override
    def fault(self) -> str | None:
        return self.reason
