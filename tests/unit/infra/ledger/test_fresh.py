"""What a worker has settled is carried from memory, and from its file after any doubt."""

from pathlib import Path

import pytest

from llmproxy.infra.ledger.carrier import Carrier
from llmproxy.infra.ledger.fresh import FRESH_BYTES
from tests.fakes.usage_ledger import FakeUsageLedger, call
from tests.unit.infra.ledger.entries import files, journal_in, record, until

pytestmark = pytest.mark.asyncio

SOON_S = 10.0


async def test_what_was_settled_here_is_not_read_again(tmp_path: Path) -> None:
    """It is carried as it was settled: from its beginning in each file, and batch by batch."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        calls = []
        for numbers in ((1, 2), (3,), (4, 5)):
            calls += record(journal, *numbers)
            [path] = files(tmp_path)
            kept = path.read_bytes()
            with path.open("r+b") as file:
                file.write(b"x" * (len(kept) - 1))
            assert await carrier.flush()
        assert carrier.counts()["damaged"] == 0

    assert list(ledger.calls.values()) == calls
    assert [len(batch.rows) for batch in ledger.batches] == [2, 1, 2]


async def test_a_call_that_changes_after_its_settlement(tmp_path: Path) -> None:
    """Its row is what the journal says of it."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        attempts = call().attempts
        journal.closed(call(1, attempts=attempts))
        attempts.append(attempts[0])
        assert await carrier.flush()

    assert ledger.calls["req_000001"] == call(1)


async def test_after_a_doubt_the_file_is_read(tmp_path: Path) -> None:
    """What came while the ledger was away, and what waited for the disk, is carried in order."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 1)
        ledger.away = True
        assert not await carrier.flush(0.15)
        record(journal, 2)
        room, journal.room.all = journal.room.all, 0
        journal.closed(call(3))
        journal.room.all = room
        record(journal, 4)
        ledger.away = False
        assert await carrier.flush()
        await until(SOON_S, lambda: journal.counts()["unwritten"] == 0)
        record(journal, 5)
        assert await carrier.flush()
        record(journal, 6)
        assert await carrier.flush()

    rows = [row.request_id[-1] for batch in ledger.batches for row in batch.rows]
    assert rows == ["1", "2", "4", "3", "5", "6"]


async def test_little_is_held_in_memory(tmp_path: Path) -> None:
    """What nobody carries is given up, and read from the file when it is."""
    ledger = FakeUsageLedger()
    long = "x" * 20_000
    count = FRESH_BYTES // len(long) + 10
    async with journal_in(tmp_path) as journal:
        for number in range(count):
            journal.closed(call(number, model=long))
        assert journal.own.fresh.rows == []
        assert await Carrier(journal, ledger).flush()
        record(journal, count)
        assert len(journal.own.fresh.rows) == 1

    assert len(ledger.calls) == count


async def test_a_new_file_begins_anew(tmp_path: Path) -> None:
    """Of full files nothing is held; each settlement of all of them is carried once."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path, file_bytes=3_000) as journal:
        carrier = Carrier(journal, ledger)
        calls = record(journal, *range(29))
        assert len(journal.own.fresh.rows) < 10
        assert await carrier.flush()
        calls += record(journal, *range(29, 40))
        assert await carrier.flush()

    assert list(ledger.calls.values()) == calls
    assert sum(len(batch.rows) for batch in ledger.batches) == 40
