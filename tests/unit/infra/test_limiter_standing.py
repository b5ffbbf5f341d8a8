"""What the limiter says of a reservation that nobody makes."""

import pytest

from llmproxy.application.interfaces.limiter import Limit, Reservation
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.limiter.memory import MemoryLimiter

HELD = Reservation("k", None, "m", "USD", 1, 1)


@pytest.mark.asyncio
async def test_standing() -> None:
    """It tells how many requests are in flight, and refuses in the words of `reserve`."""
    limiter = MemoryLimiter(max_in_flight=1)
    limits, refusal = limiter.standing(HELD)
    assert limits == (Limit("worker", "requests in flight", 0, 1, "MAX_CONCURRENT_REQUESTS"),)
    assert refusal is None
    assert limiter.in_flight == 0

    await limiter.reserve(HELD)
    [limit], refusal = limiter.standing(HELD)
    assert limit.used == 1
    with pytest.raises(Unavailable) as raised:
        await limiter.reserve(HELD)
    assert refusal is not None
    assert (refusal.code, refusal.message) == (raised.value.code, raised.value.message)
