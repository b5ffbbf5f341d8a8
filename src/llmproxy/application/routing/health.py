"""How one deployment is doing: what is under way, how soon it answers, whether it should rest."""

from typing import Final

from llmproxy.application.routing.breaker import Breaker
from llmproxy.application.routing.latency import Percentile
from llmproxy.application.routing.spill import FULL, Spill
from llmproxy.application.routing.ward import Change, State, Ward
from llmproxy.domain.errors import Busy, GatewayError, Refused, UpstreamError
from llmproxy.domain.model import Model

LONGEST_REST_S: Final = 60.0
REST_S: Final = 1.0
"""After a provider's 429 that does not say how long to wait."""
SMOOTHING: Final = 0.2
"""How much the newest answer counts in the average: about the last ten matter."""
AVERAGED_S: Final = 60.0
"""After a silence of so long the average begins anew."""
NEVER: Final = float("-inf")


class Health:
    """Of one document. Each `began` is followed by one of `answered`, `failed` and `let_go`.

    `ill` is whether there is any reason to look closer before it is asked. `place` is where the
    ward has its calls under way, and how soon its answers begin of late; that was told last at
    `heard_at`, in monotonic seconds. `answers`, `failures`, `refusals` (failures that were limits
    of the provider) and `openings` of the breaker are counts.
    """

    __slots__ = (
        "_average_s",
        "_breaker",
        "_model",
        "_monotonic",
        "_outstanding",
        "_percentile",
        "_resting_until",
        "_spill",
        "_stated_at",
        "_ward",
        "answers",
        "failures",
        "heard_at",
        "id",
        "ill",
        "openings",
        "place",
        "refusals",
    )

    def __init__(self, identifier: str, ward: Ward) -> None:
        self.id = identifier
        self._stay(ward, ward.enter())
        self._monotonic = ward.clock.monotonic
        self._breaker = Breaker(ward.jitter)
        self._percentile = Percentile()
        self._spill: Spill | None = None
        self._resting_until = 0.0
        self._model: Model | None = None
        self._stated_at = 0
        self.ill = False
        self.heard_at = NEVER
        self.answers = self.failures = self.refusals = self.openings = 0

    def _stay(self, ward: Ward, place: int) -> None:
        self._ward, self.place = ward, place
        self._outstanding, self._average_s = ward.outstanding, ward.average_s

    def is_of(self, model: Model, created: int) -> bool:
        """Take over what the document says; False when it reaches something else by now.

        `created` is when the document was changed. A call that began before a change may bring the
        document of then: it changes nothing.
        """
        stated = self._model
        if stated is model or created < self._stated_at:
            return True
        if stated is not None and stated.parameters != model.parameters:
            return False
        self._model, self._stated_at = model, created
        spill_at = None if model.provisioned is None else model.provisioned.spill_at
        if spill_at != (None if self._spill is None else self._spill.spill_at):
            self._spill = None if spill_at is None else Spill(spill_at)
        return True

    def began(self) -> int:
        """Note that a call begins; return the era, which its end brings back."""
        self._outstanding[self.place] += 1
        if self.ill:
            return self._breaker.began(self._monotonic())
        return self._breaker.era

    def answered(self, first_s: float, era: int | None = None) -> None:
        """Note an answer, whose first content (or all of it) came after `first_s` seconds."""
        place, averages = self.place, self._average_s
        self._outstanding[place] -= 1
        self.answers += 1
        now = self._monotonic()
        if now < self.heard_at + AVERAGED_S:
            averages[place] += SMOOTHING * (first_s - averages[place])
        else:
            averages[place] = first_s
        self.heard_at = now
        self._percentile.count(first_s, now)
        breaker = self._breaker
        if breaker.succeeded(now, breaker.era if era is None else era):
            self._tell(State.CLOSED, now, 0.0)
            self._recover(now)

    def failed(self, error: GatewayError, *, counts: bool, era: int | None = None) -> None:
        """Note a failure. Where it does not count, it tells nothing of how the deployment is."""
        self._outstanding[self.place] -= 1
        self.failures += 1
        now = self._monotonic()
        breaker = self._breaker
        era = breaker.era if era is None else era
        if isinstance(error, Busy):
            breaker.let_go(era)
            self.refusals += 1
            self._rest(now, error.retry_after_s)
        elif not counts or isinstance(error, Refused) or not isinstance(error, UpstreamError):
            breaker.let_go(era)
        elif breaker.failed(now, era):
            self.openings += 1
            self._fall_ill()
            self._tell(State.OPEN, now, breaker.until)

    def let_go(self, era: int | None = None) -> None:
        """Note that nobody waits for a call any more."""
        self._outstanding[self.place] -= 1
        self._breaker.let_go(self._breaker.era if era is None else era)

    def load(self, percent: float) -> None:
        """Note how full the deployment says it is, in percent of what is provisioned."""
        spill = self._spill
        if spill is None:
            return
        now = self._monotonic()
        spill.heard(percent, now)
        if spill.share(now) > 0:
            self._fall_ill()
        elif self.ill:
            self._recover(now)

    def _rest(self, now: float, seconds: float | None) -> None:
        until = now + min(REST_S if seconds is None else seconds, LONGEST_REST_S)
        if until > max(self._resting_until, now):
            self._resting_until = until
            if self._spill is not None:
                # It was full. To come back at once with all calls would fill it again: the few that
                # come after the rest tell how much room there is.
                self._spill.heard(FULL, until)
            self._fall_ill()
            self._tell(State.RESTING, now, until)

    def _tell(self, state: State, now: float, until: float) -> None:
        ward = self._ward
        ward.tell(Change(self.id, state, until and ward.clock.now() + until - now))

    def _fall_ill(self) -> None:
        if not self.ill:
            self.ill = True
            self._ward.unwell += 1

    def _recover(self, now: float) -> None:
        """Be well, if there is no reason left to look closer."""
        if self.ill and self.state(now) is State.CLOSED:
            self.ill = False
            self._ward.unwell -= 1

    def fit(self, now: float, *, counted: bool = True) -> bool:
        """Whether a call asks it in its turn; some do not, while it sheds. `counted`: made now."""
        if self._breaker.waits(now) or now < self._resting_until:
            return False
        spill = self._spill
        if spill is not None and spill.share(now) > 0:
            return not (spill.moves(now) if counted else spill.would_move(now))
        self._recover(now)
        return True

    def takes_early(self, now: float) -> bool:
        """Whether a call tries it before its breaker's time is over: nobody else is well."""
        return now >= self._resting_until and self._breaker.takes_early(now)

    def on_trial(self, now: float) -> bool:
        """Whether a call that is under way tells soon whether it is well again."""
        return now >= self._resting_until and self._breaker.on_trial(now)

    def offer(self, now: float) -> None:
        """Note that a call is about to ask it: for a moment no other does, if it is half open."""
        self._breaker.offer(now)

    def state(self, now: float) -> State:
        """Return how it is at this monotonic time."""
        breaker_until = self._breaker.until
        if now < breaker_until:
            return State.OPEN
        if now < self._resting_until:
            return State.RESTING
        if breaker_until:
            return State.HALF_OPEN
        spill = self._spill
        return State.SHEDDING if spill is not None and spill.share(now) > 0 else State.CLOSED

    @property
    def until(self) -> float | None:
        """When the present state ends if nothing else happens, in monotonic seconds."""
        state = self.state(self._monotonic())
        if state is State.OPEN:
            return self._breaker.until
        if state is State.RESTING:
            return self._resting_until
        return self._spill.until if state is State.SHEDDING and self._spill is not None else None

    @property
    def outstanding(self) -> int:
        """How many calls are under way."""
        return self._outstanding[self.place]

    @property
    def latency_s(self) -> float | None:
        """How soon answers begin of late, on average; None before the first."""
        return None if self.heard_at == NEVER else self._average_s[self.place]

    @property
    def p95_s(self) -> float | None:
        """How soon 95 % of the answers of the last five minutes began; None before 20 answers."""
        return self._percentile.seconds(self._monotonic())

    @property
    def load_percent(self) -> float | None:
        """How full it said it was, where it is provisioned; however long ago."""
        return None if self._spill is None else self._spill.percent

    def moved_share(self, now: float) -> float:
        """Return the share of its calls that go elsewhere because it is nearly full."""
        return 0.0 if self._spill is None else self._spill.share(now)

    def hear(self, change: Change) -> None:
        """Apply what another worker has found; nobody is told."""
        now = self._monotonic()
        until = now + change.until - self._ward.clock.now()
        if change.state is State.CLOSED:
            if self._breaker.until:
                self._breaker.close()
                self._recover(now)
        elif change.state is State.OPEN:
            if self._breaker.hear_open(now, until):
                self._fall_ill()
        elif change.state is State.RESTING:
            until = min(until, now + LONGEST_REST_S)
            if until > max(self._resting_until, now):
                self._resting_until = until
                self._fall_ill()

    def leave(self) -> None:
        """Count no more among the others: the document is gone, calls of then may still end."""
        ward = self._ward
        if self.ill:
            ward.unwell -= 1
        self._stay(ward.leave(self.place), 0)
