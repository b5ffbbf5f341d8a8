"""The thread that looks at what has ended: it makes spans, and hands on what was counted.

In small portions, with a rest after each: while it works the event loop may wait for the
interpreter, for a millisecond rather than for CPython's switch interval of five.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.infra.tracing.histograms import Counted
from llmproxy.infra.tracing.record import Ended
from llmproxy.infra.tracing.sender import Sender
from llmproxy.infra.tracing.spans import SpanMaker

logger = logging.getLogger("llmproxy.tracing")

LOOK_EVERY_S: Final = 0.25
REST_S: Final = 0.0005
SPANS: Final = 24
"""Spans that are made without a rest."""


class Folding(threading.Thread):
    """Takes from `ended` and from `handed`, what was counted, and gives to the senders.

    `broken` is how many records could not be told.
    """

    def __init__(
        self,
        ended: deque[Ended],
        handed: deque[Counted],
        maker: SpanMaker,
        senders: Sequence[Sender],
        clock: Clock,
    ) -> None:
        super().__init__(name="tracing", daemon=True)
        self._ended = ended
        self._handed = handed
        self._maker = maker
        self._senders = senders
        self._clock = clock
        self._ending = threading.Event()
        self.broken = 0

    @override
    def run(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            self._fold_all(lambda: self._ending.wait(REST_S))
        self._fold_all(lambda: None)

    def end(self, limit_s: float) -> None:
        """Look at what is left, for at most so long."""
        self._ending.set()
        self.join(limit_s)

    def _fold_all(self, rest: Callable[[], object]) -> None:
        while self._ended:
            portion = self._portion()
            try:
                self._fold(portion)
            except Exception:
                # A record that cannot be told must not end the telling.
                self.broken += len(portion)
                for ended in portion:
                    self._maker.forget(ended)
                logger.exception("tracing: requests could not be told")
            rest()
        while self._handed:
            counted = self._handed.popleft()
            for sender in self._senders:
                sender.count(counted)

    def _portion(self) -> list[Ended]:
        portion: list[Ended] = []
        spans = 0
        while self._ended and spans < SPANS:
            ended = self._ended.popleft()
            portion.append(ended)
            spans += 1 + len(ended.trace.tries)
        return portion

    def _fold(self, portion: Sequence[Ended]) -> None:
        offset_s = self._clock.now() - self._clock.monotonic()
        spans = [span for ended in portion for span in self._maker.spans(ended, offset_s)]
        for sender in self._senders:
            sender.offer(spans)
