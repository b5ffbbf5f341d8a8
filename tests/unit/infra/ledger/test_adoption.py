"""What a dead worker leaves: every settlement carried, every open call a row, once."""

import asyncio
from pathlib import Path

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.limiter import Used
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.usage import Usage
from llmproxy.infra.ledger.carrier import Carrier
from tests.fakes.usage_ledger import FakeUsageLedger, call
from tests.unit.infra.ledger.entries import files, journal_in, names, opening, record
from tests.unit.infra.ledger.listeners import Dying, Failing, Told

pytestmark = pytest.mark.asyncio


async def left(folder: Path, *open_calls: int, settled: int = 3, **settings: int) -> None:
    """Leave what a worker leaves that has settled some calls and has others open."""
    async with journal_in(folder, **settings) as journal:
        for number in open_calls:
            journal.opened(opening(number))
        record(journal, *range(100, 100 + settled))


def outcomes(ledger: FakeUsageLedger) -> dict[str, str]:
    """What became of each call, by its number."""
    return {name.lstrip("req_0"): row.outcome.value for name, row in ledger.calls.items()}


async def test_a_dead_worker_is_carried_to_the_end(tmp_path: Path) -> None:
    """Its settlements are rows as they were; open calls are interrupted, at their prompt's cost."""
    await left(tmp_path, 1, 2)
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        await carrier.adopt()
        assert [path.name for path in files(tmp_path)] == [journal.place()[0]]
        counts = carrier.counts()

    assert list(ledger.calls.values())[:3] == [call(n) for n in (100, 101, 102)]
    lost = ledger.calls["req_000002"]
    assert (lost.outcome, lost.counted, lost.cost_nano) == (Outcome.INTERRUPTED, 1, 70)
    assert lost.usage == Usage(input_tokens=9, estimated=True)
    assert (lost.deployment, lost.at) == ("mini-1", opening(2).at)
    names = ("adopted", "adopted_rows", "interrupted", "damaged", "carried")
    assert [counts[name] for name in names] == [1, 5, 2, 0, 0]


async def test_the_living_are_let_be(tmp_path: Path) -> None:
    """A file whose worker lives is never touched, whoever looks, itself included."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as first, journal_in(tmp_path) as second:
        first.opened(opening(1))
        for journal in (first, second):
            await Carrier(journal, ledger).adopt()
        first.closed(call(1))
        assert len(files(tmp_path)) == 2
        assert ledger.batches == []


async def test_only_what_is_not_there_is_carried(tmp_path: Path) -> None:
    """What the worker had carried itself is not carried again."""
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 1, 2)
        await carrier.flush()
        record(journal, 3)
    async with journal_in(tmp_path) as journal:
        await Carrier(journal, ledger).adopt()

    assert [len(batch.rows) for batch in ledger.batches] == [2, 1, 0]
    assert ledger.batches[1].begin == ledger.batches[0].end
    assert outcomes(ledger) == {"1": "finished", "2": "finished", "3": "finished"}


async def test_a_call_opened_twice_is_one_call(tmp_path: Path) -> None:
    """Over many files of one worker, each call has one row, settled or interrupted."""
    await left(tmp_path, 1, 2, settled=40, file_bytes=3_000)
    assert len(files(tmp_path)) > 5
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        await carrier.adopt()
        assert carrier.counts()["interrupted"] == 2

    found = outcomes(ledger)
    assert (found["1"], found["2"], len(found)) == ("interrupted", "interrupted", 42)
    assert list(found.values()).count("finished") == 40


async def test_a_file_without_its_last_line(tmp_path: Path) -> None:
    """When the worker died between two files, what was settled in the newer one stands."""
    async with journal_in(tmp_path, file_bytes=3_000) as journal:
        journal.opened(opening(1))
        record(journal, *range(100, 103))
        journal.closed(call(1))
        older = files(tmp_path)[0]
    lines = older.read_bytes().splitlines(keepends=True)
    assert b'"next"' in lines[-1]
    older.write_bytes(b"".join(lines[:-1]))
    ledger, told = FakeUsageLedger(), Told()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger, told)
        await carrier.adopt()
        assert carrier.counts()["interrupted"] == 0

    assert set(outcomes(ledger).values()) == {"finished"}
    assert sum(len(stretch.lines) for stretch in told.stretches) == 4


async def test_the_newest_file_goes_last(tmp_path: Path) -> None:
    """A crash between the two leaves what tells of calls that the older one has open."""
    await left(tmp_path, 1, 2, settled=40, file_bytes=3_000)
    names_of_dead = [path.name for path in files(tmp_path)]
    told = Failing(names_of_dead[0])
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, FakeUsageLedger(), told)
        await carrier.adopt()
        assert set(names_of_dead) <= set(names(tmp_path))


async def test_half_a_line_is_no_line(tmp_path: Path) -> None:
    """A settlement that a power cut has torn was never written: its call is interrupted."""
    async with journal_in(tmp_path) as journal:
        record(journal, 1)
        journal.opened(opening(2))
        journal.closed(call(2))
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-20])
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        await Carrier(journal, ledger).adopt()
        assert len(files(tmp_path)) == 1

    assert outcomes(ledger) == {"1": "finished", "2": "interrupted"}


async def test_lines_that_make_no_sense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What makes sense is carried; the file is kept under another name and never read again."""
    await left(tmp_path, 1)
    path = files(tmp_path)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00\xff\n", b'{"request_id":4}\n', *lines[2:]]))
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        for _ in range(2):
            await carrier.adopt()
        assert carrier.counts()["damaged"] == 2
        kept = names(tmp_path)

    assert kept == sorted([journal.place()[0], f"{path.name}.damaged"])
    assert len(outcomes(ledger)) == 4
    assert caplog.text.count("2 lines make no sense") == 1


@pytest.mark.parametrize("head", [b'{"journal":3,"worker":"x"}\n', b"hello\n"])
async def test_other_formats(tmp_path: Path, caplog: pytest.LogCaptureFixture, head: bytes) -> None:
    """A file of a newer version, or of nobody, stays as it is; the log says so once."""
    path = tmp_path / "0123456789abcdef-000001.jsonl"
    path.write_bytes(head)
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        for _ in range(2):
            await carrier.adopt()

    assert path.read_bytes() == head
    assert ledger.batches == []
    assert caplog.text.count("is no journal of this version") == 1


async def test_what_a_crash_leaves_behind(tmp_path: Path) -> None:
    """Files that were never begun, or are empty, are removed."""
    (tmp_path / "0123456789abcdef-000001.jsonl").write_bytes(b"")
    (tmp_path / "0123456789abcdef-000002.jsonl.new").write_bytes(b'{"journal":2,"wor')
    async with journal_in(tmp_path) as journal:
        await Carrier(journal, FakeUsageLedger()).adopt()
        assert names(tmp_path) == [journal.place()[0]]


async def test_all_is_told_before_a_file_goes(tmp_path: Path) -> None:
    """Every settled line, carried before or not, and every interrupted call, with its time."""
    ledger, told = FakeUsageLedger(), Told()
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        record(journal, 10)
        await carrier.flush()
        record(journal, 11)
        journal.opened(opening(12))
        source, end = journal.place()
    async with journal_in(tmp_path) as journal:
        await Carrier(journal, ledger, told).adopt()

    [stretch] = told.stretches
    assert (stretch.source, stretch.begin, stretch.end) == (source, 0, end + 1)
    assert [line.used for line in stretch.lines] == [Used(1_000, 55, 1)] * 2 + [Used(70, 9, 1)]
    assert [line.at for line in stretch.lines] == [call(n).at for n in (10, 11, 12)]
    assert {(line.key_id, line.project, line.model) for line in stretch.lines} == {
        ("key_1", "équipe", "mini")
    }


@pytest.mark.parametrize("failure", [Unavailable("away"), RuntimeError("broken")])
async def test_a_file_that_could_not_be_told_of_stays(tmp_path: Path, failure: Exception) -> None:
    """It is told of in another round; its rows are there, once."""
    await left(tmp_path, 1)
    ledger, told = FakeUsageLedger(), Told()
    told.failure = failure
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger, told)
        await carrier.adopt()
        assert len(files(tmp_path)) == 2
        told.failure = None
        await carrier.adopt()
        assert len(files(tmp_path)) == 1
        assert carrier.counts()["interrupted"] == 1

    [stretch] = told.stretches
    assert len(stretch.lines) == len(ledger.calls) == 4


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_crash_during_adoption(tmp_path: Path, at: int, *, after: bool) -> None:
    """Wherever the adopter dies in its turn, the next one ends with the same rows."""
    await left(tmp_path, 1, 2)
    ledger = Dying(at, after=after)
    async with journal_in(tmp_path) as journal:
        journal.opened(opening(50))
        with pytest.raises(KeyboardInterrupt):
            await Carrier(journal, ledger).adopt()
    async with journal_in(tmp_path) as journal:
        await Carrier(journal, ledger).adopt()
        assert len(files(tmp_path)) == 1

    assert len(ledger.calls) == 6
    interrupted = [name for name, how in outcomes(ledger).items() if how == "interrupted"]
    assert sorted(interrupted) == ["1", "2", "50"]


async def test_two_adopt_at_once(tmp_path: Path) -> None:
    """One of them gets a file; what is in it is counted once."""
    for number in range(6):
        await left(tmp_path, number, settled=0)
    ledger = FakeUsageLedger()
    async with journal_in(tmp_path) as first, journal_in(tmp_path) as second:
        carriers = [Carrier(journal, ledger) for journal in (first, second)]
        await asyncio.gather(*(carrier.adopt() for carrier in carriers))
        assert sum(carrier.counts()["adopted"] for carrier in carriers) == 6
        assert sum(carrier.counts()["interrupted"] for carrier in carriers) == 6
        assert len(files(tmp_path)) == 2

    assert set(outcomes(ledger).values()) == {"interrupted"}


async def test_a_ledger_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is adopted until it is back."""
    await left(tmp_path, 1)
    ledger = FakeUsageLedger()
    ledger.away = True
    async with journal_in(tmp_path) as journal:
        carrier = Carrier(journal, ledger)
        await carrier.adopt()
        assert len(files(tmp_path)) == 2
        ledger.away = False
        await carrier.adopt()

    assert len(ledger.calls) == 4
    assert "journals cannot be adopted now: away" in caplog.text
