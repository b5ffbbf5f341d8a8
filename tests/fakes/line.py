"""A provider's connection that only notes what it is told."""

from typing_extensions import override

from llmproxy.infra.providers.transport.exchange import Line


class FakeLine(Line):
    """Whether reading is paused, and whether the connection was closed."""

    def __init__(self) -> None:
        self.paused = False
        self.aborted = False

    @override
    def pause(self) -> None:
        self.paused = True

    @override
    def resume(self) -> None:
        self.paused = False

    @override
    def abort(self) -> None:
        self.aborted = True
