"""One client's reading of a stream that others may read too."""

from collections.abc import Callable, Sequence

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.delivery import Live
from llmproxy.application.interfaces.upstream import Deployment, Headers
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.application.use_cases.replayed.given import lasting
from llmproxy.application.use_cases.replayed.streams import StreamFlight
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.limit import Quota


class Ride(Live):
    """Boards at once. Who did not ask the provider is `admitted` apart and has a row of its own."""

    def __init__(
        self, flight: StreamFlight, settle: Settle, clock: Clock, lines: Sequence[bytes]
    ) -> None:
        self._flight = flight
        self._reader = flight.reader()
        self._settle = settle
        self._clock = clock
        self._lines = lines
        self._admission: Admission | None = None
        self._left = False
        self._waited_s = 0.0

    def admitted(self, admission: Admission) -> None:
        """Take the admission of a call that flies along, to be settled with its end."""
        self._admission = admission

    @property
    def headers(self) -> Headers:
        """Those of the provider, of which some are of its first reader's call alone."""
        live = self._flight.live
        lines = [] if live is None else live.headers
        return [*(lines if self._admission is None else lasting(lines)), *self._lines]

    @property
    def deployment(self) -> Deployment | None:
        """Who is answering."""
        return None if self._flight.live is None else self._flight.live.deployment

    @property
    def quota(self) -> Quota | None:
        """What is left, for this caller."""
        if self._admission is not None:
            return self._admission.reservation.quota
        return None if self._flight.live is None else self._flight.live.quota

    @property
    def waited_s(self) -> float:
        """How long the flight has been waited for."""
        return self._waited_s

    @property
    def passed(self) -> int:
        """How many events have gone on: whoever is told of a failure has read them all."""
        return 0 if self._flight.live is None else self._flight.live.passed

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""
        self._reader.pulse_s = seconds

    async def next(self) -> bytes | None:
        """Return all that has come. Raises what ended the flight."""
        began = self._clock.monotonic()
        try:
            batch = await self._reader.next()
        except GatewayError as error:
            if self._admission is not None:
                self._settle.failed(self._admission, error)
            raise
        except Exception:
            self._break_off(CRASHED)
            raise
        finally:
            self._waited_s += self._clock.monotonic() - began
        if batch is None and self._admission is not None:
            self._settle.cached(self._admission)
        return batch

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Everything comes from `next`."""

    def close(self) -> None:
        """Read no more."""
        if self._left:
            return
        self._left = True
        self._flight.part(self._reader)
        self._break_off(None)

    def _break_off(self, error: str | None) -> None:
        held = self._admission
        if held is not None and not held.settled:
            self._settle.broken_off(held, held.plan[0], NOTHING, error, output_bytes=0)
