"""Processes that die, and disks that are full: nothing that was written is lost or torn."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.usage_ledger import call
from tests.unit.infra.ledger.entries import MIB, calls_in, files, journal_in

WRITER = """
import asyncio, resource, signal, sys
from pathlib import Path
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.wire.hiding import HIDDEN
from tests.fakes.usage_ledger import call
from tests.unit.infra.ledger.entries import opening

def let(limit_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

async def main(folder, limit_bytes, refuse):
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = FileJournal(Path(folder), max_bytes=1 << 30, loop=loop, refuse_when_full=refuse)
    if limit_bytes:
        let(limit_bytes)
    for number in range(100):
        try:
            journal.opened(opening(number))
        except Unavailable as error:
            print(error.code, error.retry_after_s)
            continue
        journal.closed(call(number))
    print("written", journal.counts(), flush=True)
    if not limit_bytes:
        await asyncio.sleep(60)
    let(resource.RLIM_INFINITY)
    await asyncio.sleep(1.3)
    journal.opened(opening(100))
    journal.closed(call(100))
    print("again", journal.counts(), flush=True)
    journal.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "refuse"))
"""


def _writer(folder: Path, limit_bytes: int = 0, full: str = "refuse") -> subprocess.Popen[str]:
    """A process that writes a hundred calls, into files of at most so many bytes at first."""
    command = [sys.executable, "-c", WRITER, str(folder), str(limit_bytes), full]
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    """A process that is killed at once after a settlement has lost nothing."""
    with _writer(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("written")
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    with files(tmp_path)[0].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back by the kernel
    lines = calls_in(tmp_path)
    assert [line["request_id"] for line in lines[::2]] == [f"req_{n:06d}" for n in range(100)]
    assert [line["request_id"] for line in lines[1::2]] == [f"req_{n:06d}" for n in range(100)]


def test_a_full_disk_refuses(tmp_path: Path) -> None:
    """Without room no call is admitted; what was admitted is settled later; no line is torn."""
    with _writer(tmp_path, limit_bytes=20_000) as process:
        said, log = process.communicate(timeout=30)
        assert process.returncode == 0, log

    refused = said.count("ledger_unavailable 5.0\n")
    assert 50 < refused < 95
    assert log.count("the journal cannot be written: calls are refused") <= 1
    lines = calls_in(tmp_path)
    opened = [line["request_id"] for line in lines if "outcome" not in line]
    closed = [line["request_id"] for line in lines if "outcome" in line]
    assert len(opened) == len(closed) == 101 - refused
    assert set(opened) == set(closed)
    assert "'lost': 0, 'unjournalled': 0" in said


def test_a_full_disk_serves_on(tmp_path: Path) -> None:
    """Where it is so set, calls go on; their settlements wait for room and are written then."""
    with _writer(tmp_path, limit_bytes=20_000, full="serve") as process:
        said, log = process.communicate(timeout=30)
        assert process.returncode == 0, log

    assert "ledger_unavailable" not in said
    assert 1 <= log.count("ERROR") + log.count("cannot be written") <= 4
    lines = calls_in(tmp_path)
    closed = [line["request_id"] for line in lines if "outcome" in line]
    assert sorted(closed) == [f"req_{n:06d}" for n in range(101)]
    opened = len(lines) - len(closed)
    assert f"'lost': 0, 'unjournalled': {101 - opened}" in said
    assert 101 - opened > 50


@pytest.mark.asyncio
async def test_a_backlog_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Settlements beyond 8 MiB are lost, counted and told, and their calls stay open."""
    async with journal_in(tmp_path, MIB, refuse_when_full=False) as journal:
        for number in range(14_000):
            journal.closed(call(number, model="x" * 1_000))
        counts = journal.counts()
        assert counts["unwritten"] > 4_000
        assert counts["lost"] > 1_000
        assert counts["closed"] + counts["unwritten"] + counts["lost"] == 14_000

    assert caplog.text.count("too many settlements wait") == 100
