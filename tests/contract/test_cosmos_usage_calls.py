"""Single calls in Azure Cosmos DB, where they are kept beside the sums."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.usage_ledger import Filter
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.database.cosmos.account import CosmosPlace
from llmproxy.infra.database.cosmos.usage_ledger import CosmosUsageLedger
from tests.contract.cosmos_places import running
from tests.contract.cosmos_usage_calls import NOON, Written, call, ledger, made_place
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

HOUR_S = 3600


@pytest_asyncio.fixture(name="there")
async def _there() -> AsyncIterator[CosmosPlace]:
    yield await made_place()
    running().heal()


async def read(
    opened: CosmosUsageLedger, wanted: Filter, most: int, *, newest_first: bool = False
) -> list[list[str]]:
    """Read all pages; return the ids of each."""
    pages: list[list[str]] = []
    after: str | None = None
    while True:
        page = await opened.rows(wanted, after, most, newest_first=newest_first)
        pages.append([row.request_id[-3:] for row in page.rows])
        after = page.next
        if after is None:
            return pages


async def test_pages_over_many_hours(there: CosmosPlace) -> None:
    """Whatever their size and however far the hours lie apart, each call comes once, in order."""
    times = [h * HOUR_S for h in (0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 40, 900, 20_000)]
    rows = [call(n, at=NOON + at + n) for n, at in enumerate(times)]
    expected = [row.request_id[-3:] for row in rows]
    async with ledger(there, rows=True) as one:
        await one.take(Written(rows).batch(0))
        for most in (1, 2, 3, 7, 100):
            pages = await read(one, Filter(), most)
            assert [each for page in pages for each in page] == expected
            assert all(len(page) <= most for page in pages)
        assert await read(one, Filter(since=NOON + HOUR_S, until=NOON + 4 * HOUR_S), 10) == [
            ["003", "004", "005", "006"]
        ]
        assert await read(one, Filter(since=NOON + 10**9), 10) == [[]]
        for most in (1, 2, 3, 7, 100):
            pages = await read(one, Filter(), most, newest_first=True)
            assert [each for page in pages for each in page] == expected[::-1]
            assert all(len(page) <= most for page in pages)
        some = Filter(since=NOON + HOUR_S, until=NOON + 4 * HOUR_S)
        assert await read(one, some, 10, newest_first=True) == [["006", "005", "004", "003"]]
        for nothing in (Filter(since=NOON + 10**9), Filter(until=NOON)):
            assert await read(one, nothing, 10, newest_first=True) == [[]]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_place_of_the_other_order(there: CosmosPlace, newest_first: bool) -> None:  # noqa: FBT001
    """Is refused: a position in an hour is of one order."""
    rows = [call(n, at=NOON + n) for n in range(3)]
    async with ledger(there, rows=True) as one:
        await one.take(Written(rows).batch(0))
        page = await one.rows(Filter(), None, 1, newest_first=newest_first)
        assert page.next is not None
        with pytest.raises(InvalidRequest) as caught:
            await one.rows(Filter(), page.next, 1, newest_first=not newest_first)
        assert caught.value.param == "after"


async def test_many_empty_hours_end_a_page(there: CosmosPlace) -> None:
    """So that one question stays bounded: the page says where to go on."""
    rows = [call(n, at=NOON + n * HOUR_S, key="key_2" if n == 600 else "key_1") for n in range(601)]
    async with ledger(there, rows=True) as one:
        await one.take(Written(rows).batch(0))
        pages = await read(one, Filter(keys=frozenset({"key_2"})), 10)

    assert pages[0] == []
    assert pages[-1] == ["258"]  # 600, as ids are written
    assert len(pages) == 2


async def test_calls_end_by_themselves(there: CosmosPlace) -> None:
    """The service deletes them after their days; with 0 it never does."""
    async with ledger(there, rows=True) as one:
        await one.take(Written([call(1)]).batch(0))
        container = one._account.usage
        item = await container.read_item(call(1).request_id, "calls/2026-11-26T12")
        assert item["ttl"] == 30 * 86_400
        for number, days in ((2, 0), (3, 36_500)):
            forever = CosmosUsageLedger(one._account, FakeClock(), rows=True, keep_rows_days=days)
            await forever.take(Written([call(number)], f"other-{days}").batch(0))
            item = await container.read_item(call(number).request_id, "calls/2026-11-26T12")
            assert "ttl" not in item
        sums = await container.read_item("000001", "sums/other-0")
        assert "ttl" not in sums


@pytest.mark.parametrize("after", ["", "?", "bm9uc2Vuc2U=", "WzEsIG51bGxd", "WzM2MDAsIDFd"])
async def test_a_place_that_is_none(there: CosmosPlace, after: str) -> None:
    """Is refused by name; an empty one is the beginning."""
    async with ledger(there, rows=True) as one:
        if not after:
            assert (await one.rows(Filter(), after, 1)).rows == []
            return
        with pytest.raises(InvalidRequest) as caught:
            await one.rows(Filter(), after, 1)
        assert caught.value.param == "after"


async def test_an_end_within_an_hour(there: CosmosPlace) -> None:
    """A call of the same hour a day before is found, in either order."""
    async with ledger(there, rows=True) as one:
        await one.take(Written([call(1, at=NOON + 2700)]).batch(0))
        for newest_first in (False, True):
            wanted = Filter(until=NOON + 86_400 + 1800)
            assert await read(one, wanted, 10, newest_first=newest_first) == [["001"]]
