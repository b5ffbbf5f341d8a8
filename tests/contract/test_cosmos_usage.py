"""The ledger in Azure Cosmos DB: exactly once, whatever dies when."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.usage_ledger import NOTHING_TAKEN, Batch, Filter, Taken
from llmproxy.domain.errors import InvalidRequest, ReadOnly, Unavailable
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from tests.contract.cosmos_places import running
from tests.contract.cosmos_transports import Died, Mortal
from tests.contract.cosmos_usage_calls import (
    LINE,
    NOON,
    Written,
    added,
    call,
    carry,
    ledger,
    made_place,
    many,
)

pytestmark = pytest.mark.asyncio

ALL = Filter()


@pytest_asyncio.fixture(name="there")
async def _there() -> AsyncIterator[CosmosPlace]:
    yield await made_place()
    running().heal()


async def test_calls_are_added_up_and_the_position_with_them(there: CosmosPlace) -> None:
    """In one write; another worker finds both."""
    usage = Usage(1, 2, 4, 8, 16, 32, 64, 3, 5, 7, estimated=True)
    rows = [
        call(1, usage=usage, cost_nano=2**53 + 1),
        call(2, outcome=Outcome.FAILED, at=NOON + 0.5, counted=0),
        call(3, outcome=Outcome.CACHED, currency="EUR", project=None, deployment=None),
    ]
    file = Written(rows)
    async with ledger(there) as one:
        assert await one.taken(file.source) == NOTHING_TAKEN
        await one.take(file.batch(0))
        assert await one.taken(file.source) == Taken(3 * LINE, ended=False)
    async with ledger(there) as other:
        assert await other.taken(file.source) == Taken(3 * LINE, ended=False)
        assert await other.sums(ALL, ()) == added(rows)


async def test_the_same_again_changes_nothing(there: CosmosPlace) -> None:
    """The same batch, one that lies before the position, and the end that was told twice."""
    file = Written(many(4), ended=True)
    async with ledger(there) as one:
        await one.take(file.batch(0, 2))
        await one.take(file.batch(0, 2))
        await one.take(file.batch(0, 1))
        await one.take(file.batch(2 * LINE))
        await one.take(file.batch(2 * LINE))
        assert await one.taken(file.source) == Taken(4 * LINE, ended=True)
        assert await one.sums(ALL, ()) == added(file.rows)


async def test_an_end_alone_is_kept(there: CosmosPlace) -> None:
    """Of a file with nothing in it, of one that is here, and with calls that broke off."""
    broken = [call(9, outcome=Outcome.INTERRUPTED)]
    async with ledger(there) as one:
        await one.take(Batch("empty", 0, 0, [], ended=True))
        await one.take(Written(many(2)).batch(0))
        await one.take(Batch("worker-1.jsonl", 2 * LINE, 2 * LINE, broken, ended=True))
    async with ledger(there) as other:
        assert await other.taken("empty") == Taken(0, ended=True)
        assert await other.taken("worker-1.jsonl") == Taken(2 * LINE, ended=True)
        await other.take(Batch("worker-1.jsonl", 2 * LINE, 2 * LINE, broken, ended=True))
        assert await other.sums(ALL, ()) == added(many(2) + broken)


async def test_a_batch_that_does_not_go_on_is_refused(there: CosmosPlace) -> None:
    """A gap would lose calls, an overlap could count some twice."""
    file = Written(many(6))
    async with ledger(there) as one:
        await one.take(file.batch(0, 2))
        for begin, most in ((3 * LINE, 1), (LINE, 3)):
            with pytest.raises(ValueError, match="do not go on from 200"):
                await one.take(file.batch(begin, most))
        assert await one.sums(ALL, ()) == added(file.rows[:2])


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("after", [False, True])
async def test_death_at_any_write(there: CosmosPlace, *, rows: bool, after: bool) -> None:
    """Before or after each write of a batch that fills several parts; the file grows meanwhile."""
    counting = Mortal.immortal()
    file = Written(many(500), "counted.jsonl")
    async with ledger(there, counting, rows=rows) as one:
        await carry(one, file)
    expected = list(file.rows)
    assert counting.writes == (8 if rows else 3)
    for dies_at in range(1, counting.writes + 1):
        file = Written(many(500), f"dies-at-{dies_at}.jsonl")
        async with ledger(there, Mortal(dies_at, after=after), rows=rows) as one:
            with pytest.raises(Died):
                await carry(one, file)
        file.rows.extend([call(1000 + n, key=f"later_{n:020d}") for n in range(60)])
        async with ledger(there, rows=rows) as another:
            # First with less than before, then with more.
            await another.take(file.batch((await another.taken(file.source)).end, 300))
            await carry(another, file)
            expected += file.rows
            assert await another.sums(ALL, ()) == added(expected)


async def test_two_writers_of_one_file(there: CosmosPlace) -> None:
    """A lock keeps them apart; where it does not, each call is counted once all the same."""
    file = Written(many(8))
    async with ledger(there) as one, ledger(there) as other:
        await one.take(file.batch(0, 2))
        await other.take(file.batch(2 * LINE, 2))
        await one.take(file.batch(2 * LINE, 2))
        await one.take(file.batch(4 * LINE, 4))
        with pytest.raises(ValueError, match="do not go on"):
            await other.take(file.batch(4 * LINE, 1)._replace(end=9 * LINE))
        assert await other.sums(ALL, ()) == added(file.rows)


@pytest.mark.parametrize(
    "fault",
    [
        {"lost": True, "status": 503},
        {"lost": True, "status": 408},
        {"status": 449},
        {"lost": True, "reset": True},
        {"status": 429, "headers": {"x-ms-retry-after-ms": "10"}},
    ],
)
async def test_an_answer_that_is_lost(there: CosmosPlace, fault: dict[str, object]) -> None:
    """What was written is recognised, and what was not is written again."""
    file = Written(many(6))
    async with ledger(there) as one:
        await one.take(file.batch(0, 1))
        running().fail(kind="write", **fault)
        await one.take(file.batch(LINE, 2))
        running().fail(kind="write", **fault)
        await one.take(file.batch(3 * LINE))
        assert await one.sums(ALL, ()) == added(file.rows)


async def test_the_store_is_away(there: CosmosPlace) -> None:
    """Everything says so, nothing is counted, and it goes on by itself."""
    file = Written(many(4))
    async with ledger(there) as one:
        await one.take(file.batch(0, 2))
        running().away(on=True)
        for work in (
            lambda: one.take(file.batch(2 * LINE)),
            lambda: one.taken("another"),
            lambda: one.sums(ALL, ()),
            lambda: one.history([], NOON),
        ):
            with pytest.raises(Unavailable):
                await work()
        running().heal()
        await carry(one, file)
        assert await one.sums(ALL, ()) == added(file.rows)


async def test_sums_cannot_be_cut(there: CosmosPlace) -> None:
    """A time within 15 minutes is refused by its name, not rounded."""
    async with ledger(there) as one:
        for wanted, name in (
            (Filter(since=NOON + 1), "since"),
            (Filter(until=NOON - 0.5), "until"),
        ):
            with pytest.raises(InvalidRequest, match=name) as caught:
                await one.sums(wanted, ())
            assert caught.value.param == name


async def test_a_time_reads_its_parts_only(there: CosmosPlace) -> None:
    """At the edges of steps, in parts of many days."""
    times = [NOON - 86_400, NOON - 0.001, NOON, NOON + 899.9, NOON + 900, NOON + 30 * 86_400]
    rows = [call(n, at=at, cost_nano=10**n) for n, at in enumerate(times)]
    async with ledger(there) as one:
        for n, row in enumerate(rows):
            await one.take(Written([row], f"file-{n}", ended=n > 1).batch(0))
        await one.take(Batch("empty", 0, 0, [], ended=True))
        got = await one.sums(Filter(since=NOON, until=NOON + 900), ("day",))
        assert [(each.group, each.cost_nano) for each in got] == [(("2026-11-26",), 1100)]
        got = await one.sums(Filter(until=NOON), ("month", "day"))
        assert [each.group for each in got] == [
            ("2026-11", "2026-11-25"),
            ("2026-11", "2026-11-26"),
        ]


async def test_single_calls_are_not_kept_by_default(there: CosmosPlace) -> None:
    """And the answer says what keeps them."""
    async with ledger(there) as one:
        with pytest.raises(ReadOnly) as caught:
            await one.rows(ALL, None, 10)
    assert "USAGE_ROWS=on" in caught.value.message


async def test_a_damaged_item_is_named(there: CosmosPlace) -> None:
    """Money is not guessed."""
    async with ledger(there) as one:
        await one.take(Written(many(1)).batch(0))
    account = await CosmosAccount.open(there)
    item = dict(await account.usage.read_item("000001", "sums/worker-1.jsonl"))
    await account.usage.replace_item("000001", item | {"names": []})
    await account.close()
    async with ledger(there) as other:
        with pytest.raises(Unavailable) as caught:
            await other.sums(ALL, ())
    assert "000001 of partition sums/worker-1.jsonl" in caught.value.detail
