"""What every UsageLedger does, run against each adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.journal import Closed, Outcome
from llmproxy.application.interfaces.usage_ledger import (
    NOTHING_TAKEN,
    Batch,
    Dimension,
    Filter,
    Taken,
    UsageLedger,
)
from llmproxy.domain.operation import Operation
from llmproxy.domain.usage import Usage
from tests.contract.usage_calls import FILE, known, mixed, put
from tests.contract.usage_places import BY_ID, PLACES, WITH_ROWS, Make
from tests.fakes.usage_ledger import NOON, call

pytestmark = pytest.mark.asyncio

ALL = Filter()
DIMENSIONS: list[Dimension] = [
    "project",
    "key",
    "model",
    "deployment",
    "operation",
    "outcome",
    "day",
    "month",
]


@pytest_asyncio.fixture(name="ledger", params=PLACES)
async def _ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageLedger]:
    make: Callable[[Path], Awaitable[UsageLedger]] = request.param
    ledger = await make(tmp_path)
    yield ledger
    await ledger.close()
    await ledger.close()


@pytest_asyncio.fixture(name="rows", params=WITH_ROWS)
async def _rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageLedger]:
    make: Make = request.param
    ledger = await make(tmp_path)
    yield ledger
    await ledger.close()


async def counted(ledger: UsageLedger) -> tuple[int, int]:
    """Return how many requests there are and what they cost."""
    found = await ledger.sums(ALL, ())
    return sum(each.requests for each in found), sum(each.cost_nano for each in found)


async def test_nothing(ledger: UsageLedger) -> None:
    """A new ledger has taken nothing, and sums up to no groups at all."""
    assert await ledger.taken(FILE) == NOTHING_TAKEN
    assert await ledger.sums(ALL, ()) == []
    assert await ledger.sums(ALL, ("project", "day")) == []


async def test_a_batch_is_taken_once(ledger: UsageLedger) -> None:
    """The same batch again, as after a lost answer, changes nothing."""
    batch = Batch(FILE, 0, 250, [call(1), call(2)], ended=False)
    for _ in range(3):
        await ledger.take(batch)

    assert await ledger.taken(FILE) == Taken(250, ended=False)
    assert await counted(ledger) == (2, 2_000)


async def test_batches_go_on(ledger: UsageLedger) -> None:
    """Each batch adds its own; each file has its own place."""
    await ledger.take(Batch(FILE, 0, 100, [call(1)], ended=False))
    await ledger.take(Batch(FILE, 100, 300, [call(2), call(3)], ended=False))
    await ledger.take(Batch("other", 0, 50, [call(4)], ended=False))

    assert await ledger.taken(FILE) == Taken(300, ended=False)
    assert await ledger.taken("other") == Taken(50, ended=False)
    assert await counted(ledger) == (4, 4_000)


async def test_a_batch_without_calls(ledger: UsageLedger) -> None:
    """It moves the place on; one that ends the file may stand at its very end."""
    await ledger.take(Batch(FILE, 0, 100, [], ended=False))
    assert await ledger.taken(FILE) == Taken(100, ended=False)
    await ledger.take(Batch(FILE, 100, 100, [], ended=True))
    assert await ledger.taken(FILE) == Taken(100, ended=True)
    assert await ledger.sums(ALL, ()) == []


async def test_the_end_is_taken_once(ledger: UsageLedger) -> None:
    """The last batch, with calls that were interrupted, counts once, however often it comes."""
    lost = call(2, outcome=Outcome.INTERRUPTED, attempts=[], cost_nano=70)
    await ledger.take(Batch(FILE, 0, 100, [call(1)], ended=False))
    for _ in range(3):
        await ledger.take(Batch(FILE, 100, 100, [lost], ended=True))

    assert await ledger.taken(FILE) == Taken(100, ended=True)
    assert await counted(ledger) == (2, 1_070)


@pytest.mark.parametrize("rows", BY_ID, indirect=True)
async def test_a_request_is_kept_once(rows: UsageLedger) -> None:
    """A request id that is here already is passed over, whatever file it comes from."""
    await put(rows, call(1))
    await put(rows, call(1, outcome=Outcome.INTERRUPTED, cost_nano=5), call(2), source="other")

    assert await counted(rows) == (2, 2_000)
    assert [each.outcome for each in (await rows.rows(ALL, None, 9)).rows] == ["finished"] * 2


async def test_a_row_says_everything(rows: UsageLedger) -> None:
    """What a call was is what comes out, to the last field."""
    full = call(1, tags=("a", 'b "c" ü', "a"), at=NOON + 0.123456)
    bare = call(
        2,
        project=None,
        deployment=None,
        status=None,
        error="timeout",
        attempts=[],
        first_content_s=None,
        outcome=Outcome.FAILED,
        usage=Usage(1, estimated=True),
        counted=0,
        stream=False,
    )
    await put(rows, full, bare)
    page = await rows.rows(ALL, None, 10)

    assert list(page.rows) == [full, bare]
    assert page.next is None
    assert page.rows[0].usage.estimated is False
    assert type(page.rows[0].stream) is bool


async def test_nothing_and_empty_texts(rows: UsageLedger) -> None:
    """An empty text or a zero is not none, and a member of an enum is kept as well."""
    empty = call(1, project="", deployment="", error="", status=0, first_content_s=0.0)
    none = dict.fromkeys(("project", "deployment", "error", "status", "first_content_s"))
    enum = call(3, operation=Operation.CHAT_COMPLETION)
    await put(rows, empty, call(2, **none), enum)
    found = (await rows.rows(ALL, None, 10)).rows

    assert list(found) == [empty, call(2, **none), enum]


async def test_pages(rows: UsageLedger) -> None:
    """Rows come oldest first, each once, with a place to go on between pages."""
    same_time = [call(n, at=NOON + 50) for n in range(10, 15)]
    calls = [*(call(n) for n in (3, 1, 2)), *same_time]
    await put(rows, *calls)
    found: list[str] = []
    after: str | None = None
    while True:
        page = await rows.rows(ALL, after, 3)
        assert len(page.rows) <= 3
        found += [row.request_id for row in page.rows]
        after = page.next
        if after is None:
            break

    assert found == [f"req_{n:06d}" for n in (1, 2, 3, 10, 11, 12, 13, 14)]


async def test_newest_first(rows: UsageLedger) -> None:
    """The same rows the other way round, whatever the size of a page, and with filters."""
    calls = mixed()
    await put(rows, *calls)
    reference = await known(calls)
    wanted = Filter(since=calls[5].at, until=NOON - 1.25, keys=frozenset({"key_1"}))
    for which in (ALL, wanted):
        expected = list((await reference.rows(which, None, 1000)).rows)[::-1]
        assert len(expected) > 50
        for most in (1000, 37):
            found: list[Closed] = []
            after: str | None = None
            while not found or after is not None:
                page = await rows.rows(which, after, most, newest_first=True)
                assert len(page.rows) <= most
                found += page.rows
                after = page.next
            assert found == expected


async def test_newest_first_at_one_time(rows: UsageLedger) -> None:
    """Each comes once, over pages that end among them; what is newer comes first."""
    calls = [*(call(n, at=NOON + 50) for n in range(10, 15)), call(1), call(99)]
    await put(rows, *calls)
    found: list[str] = []
    after: str | None = None
    while not found or after is not None:
        page = await rows.rows(ALL, after, 3, newest_first=True)
        found += [row.request_id for row in page.rows]
        after = page.next
    assert (found[0], found[-1]) == ("req_000099", "req_000001")
    assert sorted(found) == sorted(row.request_id for row in calls)


@pytest.mark.parametrize("by", DIMENSIONS)
async def test_sums_by_every_dimension(ledger: UsageLedger, by: Dimension) -> None:
    """Each group has exactly what its calls used, in its currency, in the order of the groups."""
    calls = mixed()
    await put(ledger, *calls)
    found = await ledger.sums(ALL, (by,))

    assert found == await (await known(calls)).sums(ALL, (by,))
    assert sum(each.requests for each in found) == len(calls)
    assert sum(each.cost_nano for each in found) == sum(each.cost_nano for each in calls)


async def test_sums_by_several_dimensions(ledger: UsageLedger) -> None:
    """Groups of several dimensions have the values in the order that was asked for."""
    calls = mixed()
    await put(ledger, *calls[:100])
    await put(ledger, *calls[100:], source="other")
    reference = await known(calls)

    for by in (("month", "project"), ("project", "month"), ("key", "outcome", "day"), ()):
        assert await ledger.sums(ALL, by) == await reference.sums(ALL, by)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(projects=frozenset({"équipe"})),
        Filter(projects=frozenset({"b", "équipe"}), keys=frozenset({"key_2"})),
        Filter(models=frozenset({"maxi", "none"})),
        Filter(keys=frozenset({"none"})),
        Filter(since=NOON - 900 * 3000, until=NOON - 900 * 1000),
        Filter(since=NOON, until=NOON + 900),
        Filter(since=NOON - 900, until=NOON - 900),
    ],
)
async def test_filters(ledger: UsageLedger, wanted: Filter) -> None:
    """Only the calls that were asked for are summed; the times are edges of steps."""
    calls = [*mixed(), call(900, at=NOON), call(901, at=NOON + 899.99), call(902, at=NOON + 900)]
    await put(ledger, *calls)
    reference = await known(calls)

    for by in ((), ("project",), ("day",)):
        assert await ledger.sums(wanted, by) == await reference.sums(wanted, by)


async def test_filters_of_rows(rows: UsageLedger) -> None:
    """Single calls are filtered by any time, and by tags."""
    calls = mixed()
    await put(rows, *calls)
    reference = await known(calls)
    wanted = Filter(
        since=calls[5].at, until=NOON - 1.25, tags=frozenset({"y"}), keys=frozenset({"key_1"})
    )

    found = (await rows.rows(wanted, None, 1000)).rows
    assert list(found) == list((await reference.rows(wanted, None, 1000)).rows)
    assert 10 < len(found) < 200


async def test_tags(rows: UsageLedger) -> None:
    """A call counts under each of its tags once, and under none when it has none."""
    calls = mixed()
    await put(rows, *calls)
    reference = await known(calls)
    for wanted in (ALL, Filter(tags=frozenset({"x"})), Filter(tags=frozenset({"x", "y"}))):
        for by in ((), ("tag",), ("project", "tag"), ("tag", "month")):
            assert await rows.sums(wanted, by) == await reference.sums(wanted, by)
    assert [each.group for each in await rows.sums(ALL, ("tag",))][::2] == [("",), ("x",), ("y",)]
