"""Reservations of one worker: what is held and given back always balances."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.limiter.memory import MemoryLimiter

CALLS = st.lists(
    st.tuples(
        st.sampled_from(["k1", "k2"]),
        st.sampled_from(["alpha", None]),
        st.sampled_from(["mini", "maxi"]),
        st.integers(0, 10**12),
        st.integers(0, 10**6),
    ),
    max_size=20,
)


def _reservation(
    key: str = "k1",
    project: str | None = "alpha",
    model: str = "mini",
    cost_nano: int = 100,
    tokens: int = 10,
) -> Reservation:
    return Reservation(key, project, model, "USD", cost_nano, tokens)


@pytest.mark.asyncio
async def test_a_reservation() -> None:
    """It is held over key, project and model until what was used takes its place."""
    limiter = MemoryLimiter(max_in_flight=10)
    held = _reservation()
    await limiter.reserve(held)
    scopes = [("key", "k1"), ("project", "alpha"), ("model", "mini")]
    for tally in [limiter.tally(*scope) for scope in scopes]:
        assert (tally.in_flight, tally.reserved_nano, tally.reserved_tokens) == (1, 100, 10)
        assert (tally.spent_nano, tally.spent_tokens) == (0, 0)

    limiter.settle(held, cost_nano=7, tokens=3)
    for tally in [limiter.tally(*scope) for scope in scopes]:
        assert (tally.in_flight, tally.reserved_nano, tally.reserved_tokens) == (0, 0, 0)
        assert (tally.spent_nano, tally.spent_tokens) == (7, 3)
    assert limiter.in_flight == 0


@pytest.mark.asyncio
async def test_as_many_as_may() -> None:
    """One call too many is told to come again, and holds nothing."""
    limiter = MemoryLimiter(max_in_flight=2)
    for _ in range(2):
        await limiter.reserve(_reservation())
    with pytest.raises(Unavailable) as refused:
        await limiter.reserve(_reservation("k2"))

    assert (refused.value.code, refused.value.retry_after_s) == ("overloaded", 1.0)
    assert limiter.tally("key", "k2").in_flight == 0
    limiter.settle(_reservation(), cost_nano=0, tokens=0)
    await limiter.reserve(_reservation("k2"))
    assert limiter.in_flight == 2


@given(CALLS, st.data())
def test_all_balances(
    calls: list[tuple[str, str | None, str, int, int]], data: st.DataObject
) -> None:
    """In whatever order calls end, nothing is held at last and all that was spent is counted."""
    limiter = MemoryLimiter(max_in_flight=100)
    reservations = [_reservation(*call) for call in calls]

    async def reserve() -> None:
        for reservation in reservations:
            await limiter.reserve(reservation)

    asyncio.run(reserve())
    for reservation in data.draw(st.permutations(reservations)):
        limiter.settle(reservation, cost_nano=reservation.cost_nano // 2, tokens=1)

    for kind in ("key", "project", "model"):
        names = {getattr(each, {"key": "key_id"}.get(kind, kind)) for each in reservations}
        tallies = [limiter.tally(kind, name) for name in names]
        assert all(
            tally.in_flight == tally.reserved_nano == tally.reserved_tokens == 0
            for tally in tallies
        )
        assert sum(tally.spent_nano for tally in tallies) == sum(
            each.cost_nano // 2 for each in reservations
        )
    assert limiter.in_flight == 0
