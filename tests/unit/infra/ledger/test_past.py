"""From what limits are rebuilt: the ledger and the journal's rest, which meet at one byte."""

from pathlib import Path

import pytest

from llmproxy.application.interfaces.limiter import Scope, ScopeKind, ScopeName, Told, Used
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import Limits
from llmproxy.infra.ledger.carrier import Carrier
from llmproxy.infra.ledger.past import LedgerPast
from tests.fakes.usage_ledger import NOON, FakeUsageLedger, call
from tests.unit.infra.ledger.entries import files, journal_in, opening, record

pytestmark = pytest.mark.asyncio

KEY = Scope(ScopeKind.KEY, "key_1", Limits())


async def test_the_rest_of_the_journal(tmp_path: Path) -> None:
    """It begins where the ledger ends, and ends where the file ends."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier, past = Carrier(journal, ledger), LedgerPast(ledger, journal)
        record(journal, 1, 2)
        await carrier.flush()
        record(journal, 3)
        journal.opened(opening(4))
        history = await past.history([KEY], NOON)
        [stretch] = past.since(history.positions)
        assert (stretch.source, stretch.end) == past.place() == journal.place()

    assert history.scopes[ScopeName(ScopeKind.KEY, "key_1")].total.requests == 2
    assert stretch.begin == history.positions[stretch.source]
    entry = call(3)
    used = Used(1_000, 55, 1)
    assert stretch.lines == [
        Told(entry.at, "key_1", "équipe", "mini", "mini-1", "USD", used, stretch.lines[0].place),
    ]
    assert stretch.begin < stretch.lines[0].place < stretch.end


async def test_nothing_is_between_the_two(tmp_path: Path) -> None:
    """What is carried while the ledger is asked is in the rest, though its file could have gone."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path, file_bytes=3_000) as journal:
        carrier, past = Carrier(journal, ledger), LedgerPast(ledger, journal)
        record(journal, 1)
        history = await past.history([KEY], NOON)
        record(journal, *range(2, 30))
        await carrier.flush()
        stretches = past.since(history.positions)
        assert sum(len(stretch.lines) for stretch in stretches) == 29
        assert len(stretches) > 3
        record(journal, 30)
        await carrier.flush()
        assert len(past.since({})) < 3


async def test_files_that_are_not_named_are_read_from_their_beginning(tmp_path: Path) -> None:
    """So are those that the ledger has never heard of."""
    async with journal_in(tmp_path) as journal:
        past = LedgerPast(FakeUsageLedger(), journal)
        record(journal, 1, 2, 3)
        [stretch] = past.since({"other": 5_000})

    assert (stretch.begin, len(stretch.lines)) == (0, 3)


async def test_settlements_that_wait_for_the_disk_count(tmp_path: Path) -> None:
    """They are used, though no file has them yet."""
    async with journal_in(tmp_path) as journal:
        past = LedgerPast(FakeUsageLedger(), journal)
        record(journal, 1)
        journal.room.all = 0
        journal.closed(call(2))
        [stretch] = past.since({})
        assert len(stretch.lines) == 2
        assert stretch.end == journal.place()[1]


async def test_a_ledger_that_is_away(tmp_path: Path) -> None:
    """That is told, and files may go again later."""
    ledger = FakeUsageLedger()
    ledger.away = True
    async with journal_in(tmp_path) as journal:
        with pytest.raises(Unavailable):
            await LedgerPast(ledger, journal).history([KEY], NOON)
        assert journal.own.readers == 0


async def test_a_journal_that_cannot_be_read(tmp_path: Path) -> None:
    """That is told too."""
    async with journal_in(tmp_path) as journal:
        past = LedgerPast(FakeUsageLedger(), journal)
        record(journal, 1)
        held, journal.own.current.fd = journal.own.current.fd, 10_000
        with pytest.raises(Unavailable, match="journal"):
            past.since({})
        journal.own.current.fd = held
    assert files(tmp_path)
