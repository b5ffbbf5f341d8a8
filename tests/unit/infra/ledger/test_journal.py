"""The journal file: whole lines, bounded files, and nothing lost when the process is killed."""

import asyncio
import fcntl
import itertools
import logging
import os
import stat
from pathlib import Path

import pytest

from llmproxy.domain.errors import Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.domain.usage import Usage
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.wire.hiding import HIDDEN
from tests.fakes.usage_ledger import call
from tests.unit.infra.ledger.entries import (
    MIB,
    calls_in,
    files,
    journal_in,
    lines_of,
    opening,
    record,
)


@pytest.mark.asyncio
async def test_lines(tmp_path: Path) -> None:
    """A line is an entry under the names of its fields; it is there before the call goes on."""
    folder = tmp_path / "journal"
    async with journal_in(folder) as journal:
        record(journal, 1)
        [path] = files(folder)
        header, opened, closed = lines_of(path)
        place = journal.place()

    assert header == {"journal": 2, "worker": path.name.partition("-")[0], "number": 1}
    assert opened == {
        "request_id": "req_000001",
        "at": 1_800_014_401.0,
        "key_id": "key_1",
        "project": "équipe",
        "model": "mini",
        "operation": "ChatCompletion",
        "deployment": "mini-1",
        "reserved_nano": 42_000,
        "prompt_nano": 70,
        "prompt_tokens": 9,
        "currency": "USD",
        "tags": [],
    }
    assert closed["outcome"] == "finished"
    assert [attempt["error"] for attempt in closed["attempts"]] == ["upstream_error", None]
    assert Usage(*closed["usage"]) == call().usage
    assert place == (path.name, path.stat().st_size)
    counts = journal.counts()
    assert (counts["opened"], counts["closed"], counts["open"]) == (1, 1, 0)
    assert counts["bytes"] == place[1]


@pytest.mark.asyncio
async def test_the_place_is_exact_after_each_write(tmp_path: Path) -> None:
    """What a limiter remembers is where the file ends."""
    async with journal_in(tmp_path) as journal:
        [path] = files(tmp_path)
        for number in range(20):
            journal.opened(opening(number))
            assert journal.place() == (path.name, path.stat().st_size)
            journal.closed(call(number))
            assert journal.place() == (path.name, path.stat().st_size)


@pytest.mark.asyncio
async def test_nobody_else_may_read(tmp_path: Path) -> None:
    """Folder and files are the owner's only, and so is the data folder that is made with them."""
    folder = tmp_path / "data" / "journal"
    async with journal_in(folder):
        [path] = files(folder)
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder, path)]

    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.asyncio
async def test_each_journal_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Workers share the folder, never a file; a file is locked as long as its worker lives."""
    async with journal_in(tmp_path) as first, journal_in(tmp_path) as second:
        for number in range(50):
            first.opened(opening(number, key_id="a"))
            second.opened(opening(number, key_id="b"))
        found = [{line.get("key_id") for line in lines_of(path)[1:]} for path in files(tmp_path)]
        assert sorted(found, key=sorted) == [{"a"}, {"b"}]
        for path in files(tmp_path):
            with path.open("rb") as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    for path in files(tmp_path):
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.asyncio
async def test_a_new_file_begins_with_all_that_is_open(tmp_path: Path) -> None:
    """Each file can be adopted alone: the old one says which goes on, the new one what is open."""
    async with journal_in(tmp_path, file_bytes=4_000) as journal:
        journal.opened(opening(1))
        journal.opened(opening(2))
        record(journal, *range(10, 40))
        journal.closed(call(2))
        record(journal, *range(40, 60))
        found = files(tmp_path)

    assert len(found) > 5
    open_then = {"req_000001", "req_000002"}
    for older, newer in itertools.pairwise(found):
        lines, following = lines_of(older), lines_of(newer)
        assert lines[-1] == {"next": newer.name}
        if any(line["request_id"] == "req_000002" for line in lines[1:-1] if "outcome" in line):
            open_then = {"req_000001"}
        # The call whose line filled the file may be open then too.
        begun = {line["request_id"] for line in following[1 : 1 + len(open_then)]}
        assert open_then <= begun
        assert older.stat().st_size < 4_000 + 1_000
    closed = [line["request_id"] for line in calls_in(tmp_path) if "outcome" in line]
    assert len(closed) == len(set(closed)) == 51


@pytest.mark.asyncio
@pytest.mark.parametrize("admitted", [True, False])
async def test_the_line_that_fills_a_file_is_not_forgotten(
    tmp_path: Path, *, admitted: bool
) -> None:
    """An admission that ends a file is opened again in the next; a settlement is settled."""
    async with journal_in(tmp_path, file_bytes=2_000) as journal:
        if not admitted:
            journal.opened(opening(1))
        journal.own.full_at = journal.place()[1]
        if admitted:
            journal.opened(opening(1))
        else:
            journal.closed(call(1))
        older, newer = files(tmp_path)

    assert len(lines_of(older)) == 3 + (not admitted)
    assert [line["request_id"] for line in lines_of(newer)[1:]] == ["req_000001"] * admitted


def _fill(journal: FileJournal, numbers: list[int]) -> None:
    for number in range(10_000):
        journal.opened(opening(number))
        numbers.append(number)


@pytest.mark.asyncio
async def test_what_is_not_carried_is_never_deleted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the bound admissions are refused, settlements still find room, and no line goes."""
    numbers: list[int] = []
    async with journal_in(tmp_path, MIB) as journal:
        with pytest.raises(Unavailable) as refused:
            _fill(journal, numbers)
        for number in numbers[:50]:
            journal.closed(call(number))
        assert journal.counts()["bytes"] == sum(path.stat().st_size for path in files(tmp_path))

    assert refused.value.code == "ledger_unavailable"
    assert refused.value.retry_after_s == 5.0
    assert sum(path.stat().st_size for path in files(tmp_path)) <= MIB
    assert len({line["request_id"] for line in calls_in(tmp_path)}) == len(numbers) > 500
    assert len([line for line in calls_in(tmp_path) if "outcome" in line]) == 50
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1


@pytest.mark.asyncio
async def test_files_of_others_count(tmp_path: Path) -> None:
    """All workers' files keep the bound together."""
    async with journal_in(tmp_path, MIB) as first:
        with pytest.raises(Unavailable):
            _fill(first, [])
        async with journal_in(tmp_path, MIB) as second:
            with pytest.raises(Unavailable):
                second.opened(opening(1))


@pytest.mark.asyncio
async def test_files_of_the_format_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are let be, told of once, and the oldest go when their room is needed."""
    for number in range(3):
        path = tmp_path / f"123-0123abcd-00000{number}.jsonl"
        path.write_bytes(b"x" * (MIB // 2))
        os.utime(path, (number, number))
    async with journal_in(tmp_path, MIB) as journal:
        journal.opened(opening(1))
        left = [path.name for path in files(tmp_path) if path.name.startswith("123-")]

    assert left == ["123-0123abcd-000002.jsonl"]
    assert caplog.text.count("is of an older version") == 1
    assert caplog.text.count("deleted 123-0123abcd") == 2


@pytest.mark.asyncio
async def test_a_failure_that_is_a_key_is_hidden(tmp_path: Path) -> None:
    """A provider's word for a failure goes through the same mask as everything it says."""
    HIDDEN.add(Secret("sk-journal-test-4711"))
    async with journal_in(tmp_path) as journal:
        journal.closed(call(1, error="no sk-journal-test-4711"))

    assert calls_in(tmp_path)[0]["error"] == "no *****"


@pytest.mark.asyncio
async def test_closing_twice(tmp_path: Path) -> None:
    """It is fine."""
    async with journal_in(tmp_path) as journal:
        record(journal, 1)
        journal.close()


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A fault of the installation is told at the start."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        FileJournal(tmp_path / "file", max_bytes=MIB, loop=asyncio.get_running_loop())
