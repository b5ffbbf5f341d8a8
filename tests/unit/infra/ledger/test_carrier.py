"""From the journal into the ledger: each settlement once, whatever fails on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.usage_ledger import Batch, Taken
from llmproxy.infra.ledger.carrier import Carrier
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.ledger.journal_file import PIECE_BYTES
from tests.fakes.usage_ledger import FakeUsageLedger, call
from tests.unit.infra.ledger.entries import files, journal_in, opening, record, until

pytestmark = pytest.mark.asyncio

SOON_S = 10.0


@asynccontextmanager
async def carrying(
    journal: FileJournal, ledger: FakeUsageLedger, every_s: float = 0.01
) -> AsyncIterator[Carrier]:
    """A carrier that works in the background of the block."""
    carrier = Carrier(journal, ledger, every_s=every_s)
    carrier.start()
    try:
        yield carrier
    finally:
        await carrier.close()


async def test_all_is_carried(tmp_path: Path) -> None:
    """Settlements become rows as they were; the ledger knows how far it has the file."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal, carrying(journal, ledger) as carrier:
        calls = record(journal, *range(20))
        journal.opened(opening(99))
        await until(SOON_S, lambda: carrier.counts()["carried"] == 20)

    assert list(ledger.calls.values()) == calls
    [(source, taken)] = ledger.positions.items()
    assert source == files(tmp_path)[0].name
    assert 0 < taken.end <= files(tmp_path)[0].stat().st_size
    assert not taken.ended


async def test_counted_in_is_counted_out(tmp_path: Path) -> None:
    """At any time what was settled is carried or waits, and bytes and age tell how much."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 1, 2, 3)
        await asyncio.sleep(0.02)
        before = carrier.counts()
        assert (before["closed"], before["carried"], before["waiting_lines"]) == (3, 0, 3)
        assert before["waiting_bytes"] == journal.place()[1]
        assert 0.02 <= before["oldest_waiting_s"] < SOON_S

        assert await carrier.flush()
        after = carrier.counts()
    assert (after["closed"], after["carried"], after["waiting_lines"]) == (3, 3, 0)
    assert (after["waiting_bytes"], after["oldest_waiting_s"]) == (0, 0)


class BusyLedger(FakeUsageLedger):
    """While it takes a batch, further calls are settled."""

    def __init__(self, journal: FileJournal) -> None:
        super().__init__()
        self._journal = journal

    @override
    async def take(self, batch: Batch) -> None:
        await super().take(batch)
        if len(self.batches) < 10:
            record(self._journal, *range(100 * len(self.batches), 100 * len(self.batches) + 5))


async def test_what_comes_meanwhile_waits_for_the_next_batch(tmp_path: Path) -> None:
    """Else a busy gateway would carry a few calls at a time, each time with a transaction."""
    async with journal_in(tmp_path) as journal:
        ledger = BusyLedger(journal)
        record(journal, *range(20))
        async with carrying(journal, ledger, every_s=0.2):
            await until(SOON_S, lambda: len(ledger.batches) == 1)
            await asyncio.sleep(0.1)
            assert [len(batch.rows) for batch in ledger.batches] == [20]
            await until(SOON_S, lambda: len(ledger.batches) == 2)
            assert len(ledger.batches[1].rows) == 5


async def test_nothing_to_carry_asks_nothing(tmp_path: Path) -> None:
    """Admissions alone are no reason to write to the ledger."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        journal.opened(opening(1))
        assert await carrier.flush()
        assert ledger.batches == []
        journal.closed(call(1))
        assert await carrier.flush()
    [batch] = ledger.batches
    assert (batch.begin, len(batch.rows)) == (0, 1)


async def test_a_ledger_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again, ever more rarely; the log says so once; then all is there."""
    ledger = FakeUsageLedger()
    ledger.away = True
    async with journal_in(tmp_path) as journal, carrying(journal, ledger) as carrier:
        record(journal, *range(5))
        await until(SOON_S, lambda: carrier.counts()["failures_in_a_row"] >= 3)
        record(journal, *range(5, 9))
        ledger.away = False
        await until(SOON_S, lambda: carrier.counts()["carried"] == 9)
        assert carrier.counts()["failures_in_a_row"] == 0

    assert sorted(ledger.calls) == [f"req_{n:06d}" for n in range(9)]
    assert caplog.text.count("the ledger does not take rows (away)") == 1
    assert caplog.text.count("the ledger takes rows again") == 1


async def test_an_answer_that_was_lost(tmp_path: Path) -> None:
    """A batch that was taken without anybody knowing is found to be there, and counted once."""
    ledger = FakeUsageLedger()
    ledger.forgetful = True
    async with journal_in(tmp_path) as journal, carrying(journal, ledger) as carrier:
        record(journal, 1, 2)
        await until(SOON_S, lambda: carrier.counts()["carried"] == 2)
        record(journal, 3)
        await until(SOON_S, lambda: carrier.counts()["carried"] == 3)

    assert [[row.request_id[-1] for row in batch.rows] for batch in ledger.batches] == [
        ["1", "2"],
        ["3"],
    ]


class Failing(FakeUsageLedger):
    """One whose program is wrong: it fails twice in a way that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 2

    @override
    async def take(self, batch: Batch) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("unforeseen")
        await super().take(batch)


async def test_an_unforeseen_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It does not end the carrying."""
    async with journal_in(tmp_path) as journal, carrying(journal, Failing()) as carrier:
        record(journal, 1)
        await until(SOON_S, lambda: carrier.counts()["carried"] == 1)

    assert "unforeseen" in caplog.text


async def test_full_files_are_carried_and_deleted(tmp_path: Path) -> None:
    """A file of which the ledger has all goes at once; the one that is written stays."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path, file_bytes=3_000) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, *range(30))
        written = [path.name for path in files(tmp_path)]
        assert len(written) > 5
        assert await carrier.flush()
        await until(SOON_S, lambda: len(files(tmp_path)) == 1)
        assert files(tmp_path)[0].name == journal.place()[0]
        assert journal.counts()["bytes"] == journal.place()[1]

    assert len(ledger.calls) == 30
    assert all(ledger.positions[name].ended for name in written[:-1])


async def test_a_file_stays_while_it_is_read(tmp_path: Path) -> None:
    """Between the ledger's history and the journal's rest nothing may go."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path, file_bytes=3_000) as journal:
        carrier = Carrier(journal, ledger)
        journal.own.keep(60)
        record(journal, *range(30))
        count = len(files(tmp_path))
        assert await carrier.flush()
        assert len(files(tmp_path)) == count
        journal.own.keep(0)
        record(journal, 30)
        assert await carrier.flush()
        await until(SOON_S, lambda: len(files(tmp_path)) <= 2)


async def test_pieces(tmp_path: Path) -> None:
    """More than a piece is carried in several batches that follow one another."""
    ledger = FakeUsageLedger()
    long = "x" * 2_000
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        count = 3 * PIECE_BYTES // len(long)
        for number in range(count):
            journal.closed(call(number, model=long))
        assert await carrier.flush()

    assert len(ledger.calls) == count
    assert len(ledger.batches) >= 4
    ends = [0, *(batch.end for batch in ledger.batches)]
    assert [batch.begin for batch in ledger.batches] == ends[:-1]


async def test_much_is_carried_at_once(tmp_path: Path) -> None:
    """Two thousand settlements do not wait for the time to come."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal, carrying(journal, ledger, 3600) as carrier:
        await asyncio.sleep(0.01)
        for number in range(2_000):
            journal.closed(call(number))
        await until(SOON_S, lambda: carrier.counts()["carried"] == 2_000)


async def test_the_end_carries_the_rest(tmp_path: Path) -> None:
    """What was settled last is in the ledger when the carrier has stopped."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal, carrying(journal, ledger, 3600):
        record(journal, 1, 2)
    assert len(ledger.calls) == 2


async def test_a_flush_takes_no_longer_than_it_may(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When the ledger stays away, the journal keeps what is left, and the log says how much."""
    ledger = FakeUsageLedger()
    ledger.away = True
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 1, 2)
        assert not await carrier.flush(0.2)
    assert "2 settled calls are not in the ledger yet" in caplog.text


async def test_a_line_that_makes_no_sense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In a file that has to be read: what makes sense is carried, the rest told of."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 1)
        place = journal.own.current
        with files(tmp_path)[0].open("ab") as file:
            file.write(b'{"outcome":}\n')
        place.size += 13
        journal.own.fresh.give_up()
        record(journal, 2)
        assert await carrier.flush()
        assert carrier.counts()["damaged"] == 1

    assert sorted(ledger.calls) == ["req_000001", "req_000002"]
    assert "make no sense" in caplog.text
    assert isinstance(ledger.positions[journal.place()[0]], Taken)
