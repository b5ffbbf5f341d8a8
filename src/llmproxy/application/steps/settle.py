"""Ledger: the call is priced, journalled and its reservation settled, exactly once.

In every outcome.

Everything here is synchronous: no cancellation can come between the parts.
"""

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Closed, Journal, Outcome
from llmproxy.application.interfaces.limiter import Limiter
from llmproxy.application.interfaces.meter import Meter
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.admit import Admission
from llmproxy.domain.errors import GatewayError, Refused
from llmproxy.domain.pricing import Price
from llmproxy.domain.usage import Usage

NOTHING = Usage()
BYTES_PER_TOKEN = 4
"""A common rule of thumb for English text; an estimate is marked as one."""


class Settle:
    """Ends what `Admit` began."""

    def __init__(self, limiter: Limiter, journal: Journal, meter: Meter, clock: Clock) -> None:
        self._limiter = limiter
        self._journal = journal
        self._meter = meter
        self._clock = clock

    def finished(
        self,
        admission: Admission,
        deployment: Deployment,
        usage: Usage | None,
        *,
        output_bytes: int,
    ) -> int:
        """Settle a complete answer and return its cost in nano-units.

        Without usage it is estimated.
        """
        known = known_usage(admission, usage, output_bytes)
        return self._close(admission, Outcome.FINISHED, None, known, deployment.model.price)

    def failed(self, admission: Admission, error: GatewayError) -> None:
        """Settle a call that no provider answered: nothing was used, all is given back."""
        outcome = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
        self._close(admission, outcome, error.code, NOTHING, None)

    def broken_off(
        self,
        admission: Admission,
        deployment: Deployment,
        usage: Usage | None,
        error: str | None,
        *,
        output_bytes: int,
    ) -> None:
        """Settle an answer cut short: by the client's leaving (no error) or by a failure."""
        known = known_usage(admission, usage, output_bytes)
        outcome = Outcome.ABORTED if error is None else Outcome.FAILED
        self._close(admission, outcome, error, known, deployment.model.price)

    def _close(
        self,
        admission: Admission,
        outcome: Outcome,
        error: str | None,
        usage: Usage,
        price: Price | None,
    ) -> int:
        """Settle once, at the price and in the currency of the deployment that was used."""
        if admission.settled:
            return 0
        admission.settled = True
        call = admission.call
        reservation = admission.reservation
        cost_nano = 0 if price is None else price.cost_nano(usage)
        tokens = usage.total_input_tokens + usage.total_output_tokens
        self._limiter.settle(reservation, cost_nano=cost_nano, tokens=tokens)
        duration_s = self._clock.monotonic() - call.started_at
        first = admission.first_content_at
        self._journal.closed(
            Closed(
                call.request_id,
                self._clock.now(),
                outcome,
                error,
                admission.attempts,
                usage,
                cost_nano,
                reservation.currency if price is None else price.currency,
                duration_s,
                None if first is None else first - call.started_at,
            )
        )
        self._meter.settled(
            model=reservation.model,
            operation=call.operation,
            outcome=outcome,
            duration_s=duration_s,
        )
        return cost_nano


def known_usage(admission: Admission, usage: Usage | None, output_bytes: int) -> Usage:
    """Return what the provider reported, completed or replaced by what the gateway counts."""
    counted = admission.call.counted
    if usage is None:
        if admission.call.background:
            return most(admission)
        return estimate(admission, output_bytes) if counted is None else counted
    if counted is None or not counted.characters or usage is NOTHING:
        return usage
    return usage._replace(characters=counted.characters)


def estimate(admission: Admission, output_bytes: int) -> Usage:
    """Return usage by the size of the texts, marked as an estimate.

    Never more output than was reserved for: vectors and images are large and hold few tokens or
    none.
    """
    prompt_bytes = admission.call.prompt_bytes
    reserved = max(admission.reservation.tokens - prompt_bytes, 0)
    return Usage(
        input_tokens=-(-prompt_bytes // BYTES_PER_TOKEN),
        output_tokens=min(-(-output_bytes // BYTES_PER_TOKEN), reserved),
        estimated=True,
    )


def most(admission: Admission) -> Usage:
    """Return all that was reserved for, marked as an estimate.

    For a response that is made in the background: the provider works on when the call is over, and
    tells what was used to whoever asks by id, which nobody has to.
    """
    prompt_bytes = admission.call.prompt_bytes
    return Usage(
        input_tokens=prompt_bytes,
        output_tokens=max(admission.reservation.tokens - prompt_bytes, 0),
        estimated=True,
    )
