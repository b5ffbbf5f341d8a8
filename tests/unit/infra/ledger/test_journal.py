"""The journal file: whole lines, bounded files, and nothing lost when the process is killed."""

import asyncio
import json
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from llmproxy.application.interfaces.journal import Attempt, Closed, Opened, Outcome
from llmproxy.domain.usage import Usage
from llmproxy.infra.ledger.journal import FileJournal

MIB = 1024 * 1024


def _opened(request_id: str = "req_1") -> Opened:
    return Opened(request_id, 1.5, "key_1", None, "mini", "ChatCompletion", 42, "USD")


def _closed(request_id: str = "req_1") -> Closed:
    attempts = [Attempt("mini-1", "upstream_error", 0.25), Attempt("mini-2", None, 0.5)]
    usage = Usage(input_tokens=10, output_tokens=4)
    outcome = Outcome.FINISHED
    return Closed(request_id, 2.5, outcome, None, attempts, usage, 36, "USD", 1.0, 0.5)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"), key=lambda path: path.name.rpartition("-")[2])


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in _files(folder) for line in path.read_bytes().splitlines()]


@asynccontextmanager
async def _journal(folder: Path, max_bytes: int = 1024 * MIB) -> AsyncIterator[FileJournal]:
    journal = FileJournal(folder, max_bytes=max_bytes, loop=asyncio.get_running_loop())
    try:
        yield journal
    finally:
        journal.close()


@pytest.mark.asyncio
async def test_lines(tmp_path: Path) -> None:
    """A line is an entry under the names of its fields; it is there before the call goes on."""
    folder = tmp_path / "journal"
    async with _journal(folder) as journal:
        journal.opened(_opened())
        journal.closed(_closed())
        opened, closed = _lines(folder)

    assert opened == {
        "request_id": "req_1",
        "at": 1.5,
        "key_id": "key_1",
        "project": None,
        "model": "mini",
        "operation": "ChatCompletion",
        "reserved_nano": 42,
        "currency": "USD",
    }
    assert closed["outcome"] == "finished"
    assert [attempt["error"] for attempt in closed["attempts"]] == ["upstream_error", None]
    assert Usage(*closed["usage"]) == Usage(input_tokens=10, output_tokens=4)
    assert journal.counts["opened"] == journal.counts["closed"] == 1
    assert journal.counts["bytes"] == sum(path.stat().st_size for path in _files(folder))


@pytest.mark.asyncio
async def test_nobody_else_may_read(tmp_path: Path) -> None:
    """Folder and files are the owner's only."""
    folder = tmp_path / "journal"
    async with _journal(folder):
        [path] = _files(folder)
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder, path)]

    assert modes == [0o700, 0o600]


@pytest.mark.asyncio
async def test_each_journal_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Workers share the folder, never a file."""
    async with _journal(tmp_path) as first, _journal(tmp_path) as second:
        for number in range(50):
            first.opened(_opened(f"a-{number}"))
            second.opened(_opened(f"b-{number}"))

    files = [{line["request_id"][0] for line in _of(path)} for path in _files(tmp_path)]
    assert sorted(files, key=sorted) == [{"a"}, {"b"}]


def _of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.asyncio
async def test_rotation_and_bound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Full files are closed; the oldest go when all together pass the limit, as the log says."""
    limit = 4 * MIB
    long = "x" * 10_000
    async with _journal(tmp_path, limit) as journal:
        for number in range(3_000):
            journal.opened(_opened(f"req-{number}-{long}"))
            if number % 100 == 0:
                sizes = [path.stat().st_size for path in _files(tmp_path)]
                assert sum(sizes) <= limit + 20_000
                assert max(sizes) <= limit // 4 + 20_000

    kept = [int(line["request_id"].split("-")[1]) for line in _lines(tmp_path)]
    assert kept == list(range(kept[0], 3_000))
    assert 200 < len(kept) < 500
    assert "deleted" in caplog.text


@pytest.mark.asyncio
async def test_a_small_limit_is_kept(tmp_path: Path) -> None:
    """The smallest limit that the settings allow bounds the folder too."""
    async with _journal(tmp_path, MIB) as journal:
        for number in range(1_000):
            journal.opened(_opened(f"{number}-{'x' * 5_000}"))

    assert sum(path.stat().st_size for path in _files(tmp_path)) <= MIB + 10_000


WRITER = """
import asyncio, resource, signal, sys
from pathlib import Path
from llmproxy.application.interfaces.journal import Closed, Opened, Outcome
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.usage import Usage
from llmproxy.infra.ledger.journal import FileJournal

async def main(folder, limit_bytes):
    journal = FileJournal(Path(folder), max_bytes=1 << 30, loop=asyncio.get_running_loop())
    if limit_bytes:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
    for number in range(100):
        name = f"req_{number}"
        try:
            journal.opened(Opened(name, 1.0, "k", None, "m", "ChatCompletion", 1, "USD"))
        except Unavailable as error:
            print(error.code, error.retry_after_s)
        usage = Usage(input_tokens=1)
        journal.closed(
            Closed(name, 2.0, Outcome.FINISHED, None, [], usage, 1, "USD", 1.0, None)
        )
        if limit_bytes and number == 50:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print("written", journal.counts, flush=True)
    await asyncio.sleep(0 if limit_bytes else 60)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def _writer(folder: Path, limit_bytes: int = 0) -> subprocess.Popen[str]:
    """A process that writes a hundred calls, into files of at most so many bytes at first."""
    command = [sys.executable, "-c", WRITER, str(folder), str(limit_bytes)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    """A process that is killed at once after a settlement has lost nothing."""
    with _writer(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("written")
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    lines = _lines(tmp_path)
    assert [line["request_id"] for line in lines[::2]] == [f"req_{n}" for n in range(100)]
    assert [line["request_id"] for line in lines[1::2]] == [f"req_{n}" for n in range(100)]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """Without room no call is admitted; a settlement is counted as lost; no line is torn."""
    with _writer(tmp_path, limit_bytes=5_000) as process:
        said, log = process.communicate(timeout=30)
        assert process.returncode == 0, log

    refused = said.count("ledger_unavailable 5.0\n")
    assert 10 < refused < 50
    assert log.count("a settlement was not recorded: req_") >= refused - 1
    lines = _lines(tmp_path)
    opened = [line for line in lines if "outcome" not in line]
    closed = [line for line in lines if "outcome" in line]
    assert len(opened) == 100 - refused
    assert f"'opened': {len(opened)}, 'closed': {len(closed)}, 'lost': {100 - len(closed)}" in said
    assert lines[-1]["request_id"] == "req_99"
