"""The ledger in SQLite, beyond what every ledger does: cut steps, deleted calls, other workers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.limiter import Scope, ScopeKind, ScopeName
from llmproxy.application.interfaces.usage_ledger import Batch, Filter, Taken
from llmproxy.domain.errors import InvalidRequest, Unavailable
from llmproxy.domain.limit import DAY_S, Limits
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.usage_ledger import SqliteUsageLedger
from llmproxy.infra.database.sqlite.usage_retention import PIECE_ROWS, Retention
from tests.contract.usage_calls import FILE, known, mixed, put
from tests.fakes.clock import FakeClock
from tests.fakes.usage_ledger import NOON, FakeUsageLedger, call

pytestmark = pytest.mark.asyncio

KEEP_DAYS = 10
NOW = NOON + 3600.0
ALL = Filter()


@pytest_asyncio.fixture(name="ledger")
async def _ledger(tmp_path: Path) -> AsyncIterator[SqliteUsageLedger]:
    ledger = await SqliteUsageLedger.open(_path(tmp_path), FakeClock(NOW), keep_rows_days=0)
    yield ledger
    await ledger.close()


def _path(folder: Path) -> Path:
    return folder / "store.sqlite3"


async def delete_old(folder: Path, days: int = KEEP_DAYS, now: float = NOW) -> int:
    """Delete old calls as the background work does; return how many."""
    file = await SqliteFile.open(_path(folder))
    deleted = await Retention(file, FakeClock(now), days).round()
    await file.close()
    return deleted


async def same(ledger: SqliteUsageLedger, reference: FakeUsageLedger, wanted: Filter) -> None:
    """Assert that both have the same sums."""
    for by in ((), ("model",), ("day", "project")):
        assert await ledger.sums(wanted, by) == await reference.sums(wanted, by)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (-900 * 3000 + 17.5, -900 * 1000 - 0.25),
        (-900 * 3000 + 17.5, None),
        (None, -333.3),
        (-450.5, -450.25),
        (-450.5, -100.0),
        (-450.5, 0.0),
        (-450.5, 450.5),
        (-900.0, 450.5),
        (-1350.5, 450.5),
        (100.0, 50.0),
    ],
)
async def test_times_that_cut_a_step(
    ledger: SqliteUsageLedger, since: float | None, until: float | None
) -> None:
    """Sums are exact to the second call, wherever the times lie."""
    calls = [*mixed(), *(call(1000 + n, at=NOON + n * 17.3) for n in range(-100, 100))]
    await put(ledger, *calls)
    wanted = Filter(
        since=None if since is None else NOON + since,
        until=None if until is None else NOON + until,
    )
    await same(ledger, await known(calls), wanted)


async def test_times_at_calls(ledger: SqliteUsageLedger) -> None:
    """A call at `since` counts, one at `until` does not."""
    calls = [call(n, at=NOON + n * 0.125) for n in range(20)]
    await put(ledger, *calls)
    for wanted in (
        Filter(since=calls[3].at, until=calls[7].at),
        Filter(since=NOON + 1, until=NOON + 2),
    ):
        await same(ledger, await known(calls), wanted)


async def test_old_calls_are_deleted_and_their_sums_stay(
    ledger: SqliteUsageLedger, tmp_path: Path
) -> None:
    """Whole steps of calls go, in pieces; sums by anything but tags are what they were."""
    old = [call(n, at=NOW - 11 * DAY_S + n) for n in range(PIECE_ROWS + 50)]
    kept_from = NOW - KEEP_DAYS * DAY_S
    edge = [call(2000 + n, at=kept_from + at) for n, at in enumerate((-900, -0.5, 0, 0.5))]
    calls = [*old, *edge, call(3000)]
    await put(ledger, *calls)

    assert await delete_old(tmp_path) == len(old) + 2
    left = [row.request_id for row in (await ledger.rows(ALL, None, 10)).rows]
    assert left == [each.request_id for each in (*edge[2:], calls[-1])]
    await same(ledger, await known(calls), ALL)
    scope = Scope(ScopeKind.KEY, "key_1", Limits())
    history = (await ledger.history([scope], NOW)).scopes[ScopeName(ScopeKind.KEY, "key_1")]
    assert history.total.requests == len(calls)
    assert await delete_old(tmp_path) == 0


async def test_a_cut_step_whose_calls_are_deleted(
    ledger: SqliteUsageLedger, tmp_path: Path
) -> None:
    """It counts at the time when it began, so that times that follow one another count it once."""
    began = NOON - 20 * DAY_S
    await put(ledger, *(call(n, at=began + 100 * n) for n in range(9)), call(10, at=NOON))
    await delete_old(tmp_path)
    cut = began + 250
    before, after = Filter(until=cut), Filter(since=cut)
    found = [await ledger.sums(each, ()) for each in (before, after)]

    assert [each.requests for sums in found for each in sums] == [9, 1]


async def test_nothing_is_deleted_that_is_to_be_kept_for_ever(
    ledger: SqliteUsageLedger, tmp_path: Path
) -> None:
    """With 0 days."""
    await put(ledger, call(1, at=1000.0))
    assert await delete_old(tmp_path, days=0) == 0
    assert len((await ledger.rows(ALL, None, 10)).rows) == 1


@pytest.mark.parametrize(("days", "left"), [(KEEP_DAYS, 1), (0, 2), (None, 2)])
async def test_who_opens_it_says_what_is_deleted(
    ledger: SqliteUsageLedger, tmp_path: Path, days: int | None, left: int
) -> None:
    """In the background, from then on; who looks only deletes nothing."""
    await put(ledger, call(1, at=NOW - 20 * DAY_S), call(2))
    other = await SqliteUsageLedger.open(_path(tmp_path), FakeClock(NOW), keep_rows_days=days)
    for _ in range(5):  # behind each step of the work: one thread does both
        await other.taken(FILE)
    rows = (await other.rows(ALL, None, 10)).rows
    await other.close()

    assert len(rows) == left


async def test_a_call_that_was_deleted_is_not_taken_again(
    ledger: SqliteUsageLedger, tmp_path: Path
) -> None:
    """Its place in the journal is known still."""
    batch = Batch(FILE, 0, 100, [call(1, at=NOW - 20 * DAY_S)], ended=True)
    await ledger.take(batch)
    await delete_old(tmp_path)
    await ledger.take(batch)
    [total] = await ledger.sums(ALL, ())

    assert total.requests == 1
    assert await ledger.taken(FILE) == Taken(100, ended=True)


async def test_places_of_files_that_are_gone_are_forgotten(
    ledger: SqliteUsageLedger, tmp_path: Path
) -> None:
    """After a week, when a file has ended; others are kept."""
    await ledger.take(Batch(FILE, 0, 100, [], ended=True))
    await ledger.take(Batch("other", 0, 100, [], ended=False))
    await delete_old(tmp_path, now=NOW + 8 * DAY_S)
    history = await ledger.history([], NOW)

    assert history.positions == {"other": 100}


async def test_a_batch_that_leaves_out_bytes(ledger: SqliteUsageLedger) -> None:
    """It is refused: calls may stand in them."""
    await ledger.take(Batch(FILE, 0, 100, [call(1)], ended=False))
    with pytest.raises(ValueError, match="up to 100, not to 200"):
        await ledger.take(Batch(FILE, 200, 300, [call(2)], ended=False))


@pytest.mark.parametrize("again", [0, 3])
@pytest.mark.parametrize("known_before", [0, 1, 150, 400])
async def test_sums_grow_by_what_is_new(
    ledger: SqliteUsageLedger, known_before: int, again: int
) -> None:
    """However many calls of a batch are here already, each counts once, as it came first.

    Where all are new, the sums are those that were made before the file was locked.
    """
    calls = mixed(400)
    await put(ledger, *calls[:known_before], source="other")
    others = [replace(each, cost_nano=each.cost_nano + 1) for each in calls[:again]]
    await put(ledger, *calls, *others)
    reference = await known(calls)

    await same(ledger, reference, ALL)
    assert list((await ledger.rows(ALL, None, 999)).rows) == list(
        (await reference.rows(ALL, None, 999)).rows
    )


async def test_numbers_that_no_column_holds(
    ledger: SqliteUsageLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """A provider's nonsense does not hold up the calls beside it, and is told of."""
    odd = [call(n, usage=Usage(output_tokens=2 ** (60 + n)), cost_nano=2**64) for n in (2, 3, 9)]
    await put(ledger, call(1), *odd, call(10))
    rows = (await ledger.rows(ALL, None, 10)).rows

    assert [row.request_id[-1] for row in rows] == ["1", "2", "3", "9", "0"]
    assert (rows[1].usage.output_tokens, rows[1].cost_nano) == (10**15, 2**63 - 1)
    assert caplog.text.count("used more than can be") == 3
    [total] = await ledger.sums(ALL, ())
    assert total.cost_nano == 3 * (2**63 - 1) + 2_000


async def test_a_row_that_does_not_fit_is_no_silent_loss(ledger: SqliteUsageLedger) -> None:
    """Only a request id that is there already is passed over; all else fails the whole batch."""
    wrong = call(2)
    wrong.key_id = None  # type: ignore[assignment]
    with pytest.raises(sqlite3.IntegrityError):
        await put(ledger, call(1), wrong)

    assert await ledger.sums(ALL, ()) == []
    assert await ledger.taken(FILE) == Taken(0, ended=False)


async def test_two_workers(ledger: SqliteUsageLedger, tmp_path: Path) -> None:
    """Each has the file open; both take, and neither's calls or sums are lost."""
    other = await SqliteUsageLedger.open(_path(tmp_path), FakeClock(NOW), keep_rows_days=0)

    async def work(each: SqliteUsageLedger, source: str, begin: int) -> None:
        for number in range(begin, begin + 20):
            await put(each, call(number), call(number + 500), source=source)

    await asyncio.gather(work(ledger, "a", 0), work(other, "b", 20))
    found = [(await each.sums(ALL, ()))[0].requests for each in (ledger, other)]
    await other.close()

    assert found == [80, 80]


async def test_a_file_that_is_locked(tmp_path: Path) -> None:
    """It is away for the moment; reading goes on."""
    path = _path(tmp_path)
    clock = FakeClock(NOW)
    ledger = await SqliteUsageLedger.open(path, clock, keep_rows_days=0, busy_timeout_s=0.05)
    await put(ledger, call(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await put(ledger, call(2))
        assert len(await ledger.sums(ALL, ())) == 1
        other.execute("ROLLBACK")
    await put(ledger, call(2))
    [total] = await ledger.sums(ALL, ())
    await ledger.close()

    assert total.requests == 2


@pytest.mark.parametrize("after", ["", "x", "7", "[1]", '["a",2]', "null", '[1,"req"]'])
async def test_a_place_that_is_none(ledger: SqliteUsageLedger, after: str) -> None:
    """What is no `next` of a page is refused, naming the parameter."""
    with pytest.raises(InvalidRequest) as refused:
        await ledger.rows(ALL, after, 10)
    assert refused.value.param == "after"


async def test_every_count_has_a_column(ledger: SqliteUsageLedger, tmp_path: Path) -> None:
    """A count that is new in `Usage` needs a migration."""
    with closing(sqlite3.connect(_path(tmp_path))) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(usage)")]

    assert set(Usage._fields) <= set(names)
    assert await ledger.taken(FILE) == Taken(0, ended=False)
