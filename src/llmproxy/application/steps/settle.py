"""Ledger: the call is priced, journalled and its reservation settled, exactly once.

In every outcome.

Everything here is synchronous: no cancellation can come between the parts.
"""

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Closed, Journal, Outcome
from llmproxy.application.interfaces.limiter import NOTHING_USED, Limiter, Used
from llmproxy.application.interfaces.meter import Meter
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.life import Life
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.bound import BYTES_PER_TOKEN, bound_of
from llmproxy.application.steps.causes import limit_of
from llmproxy.domain.errors import GatewayError, Refused
from llmproxy.domain.pricing import Price
from llmproxy.domain.usage import Usage

NOTHING = Usage()
STOPPING = "gateway_stopping"
"""Code of the error of what the gateway's own end has broken off."""


class Settle:
    """Ends what `Admit` began."""

    def __init__(self, limiter: Limiter, journal: Journal, meter: Meter, clock: Clock) -> None:
        self._limiter = limiter
        self._journal = journal
        self._meter = meter
        self._clock = clock
        self.life = Life()

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
        price = deployment.model.price
        known = known_usage(admission, price, usage, output_bytes)
        return self._close(
            admission, Outcome.FINISHED, None, known, price, counted=int(known is not NOTHING)
        )

    def failed(self, admission: Admission, error: GatewayError) -> None:
        """Settle a call that no provider answered: nothing was used, all is given back.

        One that ends by a limit is counted as refused by it: no other deployment had room, say.
        """
        if admission.settled:
            return
        outcome = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
        self._close(admission, outcome, error.code, NOTHING, None, counted=0)
        limit = limit_of(error)
        if limit is not None:
            self._meter.refused(*limit)

    def cached(self, admission: Admission) -> None:
        """Settle a call that was answered without a provider: one request, and nothing used."""
        self._close(admission, Outcome.CACHED, None, NOTHING, None, counted=1)

    def unused(self, admission: Admission) -> None:
        """Give back what a call holds that was never begun: nothing is recorded of it."""
        admission.settled = True
        self._limiter.settle(admission.reservation, NOTHING_USED)

    def broken_off(
        self,
        admission: Admission,
        deployment: Deployment,
        usage: Usage | None,
        error: str | None,
        *,
        output_bytes: int,
    ) -> None:
        """Settle an answer cut short: by a failure, or (no error) by the client or our own end."""
        price = deployment.model.price
        known = known_usage(admission, price, usage, output_bytes)
        outcome = Outcome.ABORTED if error is None else Outcome.FAILED
        if error is None and self.life.ending:
            outcome, error = Outcome.INTERRUPTED, STOPPING
        self._close(admission, outcome, error, known, price, counted=int(known is not NOTHING))

    def _close(
        self,
        admission: Admission,
        outcome: Outcome,
        error: str | None,
        usage: Usage,
        price: Price | None,
        *,
        counted: int,
    ) -> int:
        """Settle once, at the price and in the currency of the deployment that was used.

        The journal comes first: what tells others of a settlement follows from it.
        """
        if admission.settled:
            return 0
        admission.settled = True
        call = admission.call
        held = admission.reservation
        cost_nano = 0 if price is None else price.cost_nano(usage)
        duration_s = self._clock.monotonic() - call.started_at
        entry = _entry(admission, outcome, error, duration_s)
        entry.usage = usage
        entry.counted = counted
        if price is not None:
            entry.cost_nano = cost_nano
            entry.currency = price.currency
            if admission.attempts:
                last = admission.attempts[-1]
                last.usage = usage
                last.cost_nano = cost_nano
        for outpaced in admission.outpaced:
            entry.usage = entry.usage.plus(outpaced.usage or NOTHING)
            entry.cost_nano += outpaced.cost_nano
        self._journal.closed(entry)
        call.entry = entry
        held.deployment = entry.deployment
        if admission.held:
            self._limiter.settle(held, Used(cost_nano, usage.total_tokens, counted))
        self._meter.settled(entry)
        return entry.cost_nano


def _entry(admission: Admission, outcome: Outcome, error: str | None, duration_s: float) -> Closed:
    """Return the line of a call that used nothing."""
    call = admission.call
    held = admission.reservation
    caller = call.caller
    attempts = admission.attempts
    last = attempts[-1] if attempts else None
    first = admission.first_content_at
    return Closed(
        call.request_id,
        admission.at,
        caller.key_id,
        caller.project or caller.tag,
        held.model,
        call.operation,
        None if last is None else last.deployment,
        outcome,
        None if last is None else last.status,
        error,
        attempts,
        NOTHING,
        0,
        held.currency,
        1,
        duration_s,
        None if first is None else first - call.started_at,
        duration_s - admission.waited_s,
        call.stream,
        call.tags,
    )


def known_usage(
    admission: Admission, price: Price | None, usage: Usage | None, output_bytes: int
) -> Usage:
    """Return what the provider reported, completed or replaced by what the gateway counts."""
    counted = admission.call.counted
    if usage is None:
        if admission.call.background:
            return most(admission)
        if counted is None:
            return estimate(admission, output_bytes)
        return counted if price is None else price.completed(counted, counted)
    if counted is None or price is None or usage is NOTHING:
        return usage
    return price.completed(usage, counted)


def estimate(admission: Admission, output_bytes: int) -> Usage:
    """Return usage by the size of the texts, marked as an estimate.

    Never more output than was reserved for: vectors and images are large and hold few tokens or
    none.
    """
    bound = bound_of(admission.call, admission.plan)
    return Usage(
        input_tokens=bound.likely_prompt_tokens,
        output_tokens=min(-(-output_bytes // BYTES_PER_TOKEN), bound.output_tokens),
        estimated=True,
    )


def most(admission: Admission) -> Usage:
    """Return all that was reserved for, marked as an estimate.

    For a response that is made in the background: the provider works on when the call is over, and
    tells what was used to whoever asks by id, which nobody has to.
    """
    bound = bound_of(admission.call, admission.plan)
    return Usage(
        input_tokens=bound.tokens - bound.output_tokens,
        output_tokens=bound.output_tokens,
        estimated=True,
    )
