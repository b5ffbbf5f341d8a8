"""Workers of one data folder tell each other their figures."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmproxy.infra.telemetry.metrics import Metrics
from llmproxy.infra.telemetry.prometheus.peers import WITHIN_S, Peers
from tests.exposition import Samples, read, value
from tests.unit.infra.telemetry.prometheus.settled import settled

pytestmark = [pytest.mark.asyncio, pytest.mark.enable_socket]
REQUESTS = "llmproxy_requests_total"


class Worker:
    """One of several in a folder; it has settled some calls."""

    def __init__(self, folder: Path, number: int, others: Sequence[int], calls: int) -> None:
        self.metrics = Metrics()
        self.metrics.worker = str(number)
        self.peers = Peers(folder, self.metrics.text, lambda: others)
        self.metrics.add(self.peers.blocks)
        for _ in range(calls):
            self.metrics.calls.settled(settled())

    async def together(self) -> Samples:
        """What it tells when it is asked for all."""
        return read(await self.peers.together())


@asynccontextmanager
async def listening(worker: Worker) -> AsyncIterator[Worker]:
    """Let it tell its figures."""
    await worker.peers.listen(int(worker.metrics.worker))
    try:
        yield worker
    finally:
        await worker.peers.close()
        await worker.peers.close()


async def test_whoever_is_asked_answers_for_all(tmp_path: Path) -> None:
    """Each worker's series stand beside the others', and each family begins once."""
    async with (
        listening(Worker(tmp_path, 0, [1, 2], 1)) as first,
        listening(Worker(tmp_path, 1, [0, 2], 10)) as second,
        listening(Worker(tmp_path, 2, [0, 1], 100)),
    ):
        for asked in (first, second):
            found = await asked.together()
            assert [value(found, REQUESTS, worker=each) for each in "012"] == [1, 10, 100]
            assert value(found, "llmproxy_workers") == 3
            assert value(found, "llmproxy_workers_missing") == 0


async def test_a_worker_alone(tmp_path: Path) -> None:
    """It says who it is all the same."""
    async with listening(Worker(tmp_path, 0, [], 1)) as alone:
        found = await alone.together()
        assert value(found, REQUESTS, worker="0") == 1
        assert value(found, "llmproxy_workers") == 1


async def test_workers_that_do_not_answer_are_counted(tmp_path: Path) -> None:
    """One is not there, one takes the connection and says nothing: the rest is told in time."""
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    silent.bind(str(tmp_path / "2.metrics"))
    silent.listen()
    async with listening(Worker(tmp_path, 0, [1, 2], 1)) as worker:
        began = asyncio.get_running_loop().time()
        found = await worker.together()
        took_s = asyncio.get_running_loop().time() - began
        again = await worker.together()
    silent.close()

    assert WITHIN_S - 0.02 <= took_s < WITHIN_S + 5
    assert value(found, REQUESTS) == 1
    assert value(found, "llmproxy_workers") == 3
    assert value(found, "llmproxy_workers_missing") == 2
    assert value(again, "llmproxy_worker_scrapes_failed_total") == 4


async def test_what_breaks_off_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    """A text without its end is a worker that is missing."""

    async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"# HELP llmproxy_requests_total Calls\n# TYPE llmproxy_requ")
        writer.close()

    server = await asyncio.start_unix_server(cut, tmp_path / "1.metrics")
    async with server, listening(Worker(tmp_path, 0, [1], 1)) as worker:
        found = await worker.together()
    assert value(found, "llmproxy_workers_missing") == 1
    assert value(found, REQUESTS) == 1


async def test_the_socket_is_for_this_user_only(tmp_path: Path) -> None:
    """What a dead worker has left there is replaced, and nothing is left at the end."""
    path = tmp_path / "0.metrics"
    path.write_text("left")
    mask = os.umask(0)
    try:
        async with listening(Worker(tmp_path, 0, [], 0)):
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(mask)
    assert not path.exists()


async def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    """Where open files are shown as paths the folder's own length does not matter."""
    if not os.path.exists("/proc/self/fd"):  # noqa: ASYNC240, PTH110 - once
        pytest.skip("this system does not show open files as paths")
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    async with (
        listening(Worker(folder, 0, [1], 1)) as first,
        listening(Worker(folder, 1, [0], 2)),
    ):
        assert value(await first.together(), REQUESTS) == 3


async def test_a_disk_that_knows_no_sockets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker starts and tells its own; the log says what is missing."""
    async with listening(Worker(tmp_path / "gone", 0, [], 1)) as worker:
        assert value(await worker.together(), REQUESTS) == 1
    [said] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "cannot ask for figures" in said.getMessage()
