"""A call in flight, as this worker holds it in Redis."""

from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Amounts
from llmproxy.infra.limiter.redis_scope import Tracked, step_of


class RedisHeld:
    """What is held, exactly as it was, and where; steps are those of 2 s."""

    __slots__ = ("amounts", "currency", "lane", "lane_step", "scopes", "shares", "step")

    def __init__(self, scopes: list[Tracked], amounts: Amounts, currency: str, at: float) -> None:
        self.scopes = scopes
        self.amounts = amounts
        self.currency = currency
        self.step = step_of(at)
        self.lane: Tracked | None = None
        self.lane_step = self.step
        self.shares: list[tuple[Tracked, ScopeCounters, int]] = []

    def hold_lane(self, lane: Tracked | None, at: float) -> None:
        """Hold it in a lane too."""
        self.lane = lane
        self.lane_step = step_of(at)

    def places(self) -> list[tuple[Tracked, int]]:
        """Return the scopes that hold it, and since which step."""
        found = [(each, self.step) for each in self.scopes]
        if self.lane is not None:
            found.append((self.lane, self.lane_step))
        return found

    def let_through(self, tracked: Tracked, second: int) -> None:
        """Note that it was let through by this worker's share of a scope."""
        if tracked.share is not None:
            tracked.share.hold(second, self.amounts, self.currency)
            self.shares.append((tracked, tracked.share, second))

    def settle_shares(self, used: Amounts, of: Tracked | None = None) -> None:
        """Count what it used in the shares that let it through: in all, or in those of a scope."""
        for tracked, share, second in self.shares:
            if of is None or tracked is of:
                share.settle(second, self.amounts, used, self.currency)
        self.shares = [each for each in self.shares if of is not None and each[0] is not of]
