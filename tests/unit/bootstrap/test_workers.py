"""Seats of workers: taken by one, seen by all, given back by the kernel."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.bootstrap.workers import FOLDER, MAX_SEATS, WorkerSeat

PROGRAM = """
import sys
from pathlib import Path
from llmproxy.bootstrap.workers import WorkerSeat
seat = WorkerSeat(Path(sys.argv[1]))
seat.take()
if sys.argv[2] == "serving":
    seat.serve()
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(data: Path, state: str = "serving") -> Iterator[subprocess.Popen[str]]:
    """Another process with a seat; killed at the end if not before."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(data), state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_nobody_is_seen_where_nobody_ever_was(tmp_path: Path) -> None:
    """And a look makes no folder."""
    assert WorkerSeat(tmp_path).others() == 0
    assert WorkerSeat(tmp_path).others(serving=True) == 0
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_the_data_folder(tmp_path: Path) -> None:
    """The seat is what makes it, at the first start."""
    WorkerSeat(tmp_path / "data").take()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_worker_does_not_see_itself(tmp_path: Path) -> None:
    """Others see it: from its start, and apart from that when it lets calls through."""
    seat, looker = WorkerSeat(tmp_path / "data"), WorkerSeat(tmp_path / "data")
    seat.take()
    assert (seat.others(), looker.others(), looker.others(serving=True)) == (0, 1, 0)
    seat.serve()
    assert (seat.others(serving=True), looker.others(serving=True)) == (0, 1)
    assert (seat.number, seat.serving(), looker.number, looker.serving()) == (0, [], None, [0])
    seat.leave()
    seat.leave()
    assert (looker.others(), looker.others(serving=True)) == (0, 0)


def test_a_seat_ends_with_its_process(tmp_path: Path) -> None:
    """Killed or not: the next one takes it, though its files are still there."""
    looker = WorkerSeat(tmp_path)
    with worker(tmp_path) as first, worker(tmp_path, "starting"):
        assert (looker.others(), looker.others(serving=True)) == (2, 1)
        first.kill()
        first.wait()
        assert (looker.others(), looker.others(serving=True)) == (1, 0)
        looker.take()
        assert (looker.others(), looker.is_first()) == (1, True)
    assert {each.name for each in (tmp_path / FOLDER).iterdir()} == {"0", "0.serving", "1"}
    assert looker.others() == 0
    looker.leave()


def test_of_starts_at_once_one_is_the_first(tmp_path: Path) -> None:
    """Whoever has the lowest seat."""
    seats = [WorkerSeat(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(WorkerSeat.take, seats))
    assert [seat.is_first() for seat in seats].count(True) == 1
    assert {seat.others() for seat in seats} == {7}
    for seat in seats:
        seat.leave()


def test_those_who_look_do_not_see_each_other(tmp_path: Path) -> None:
    """A look locks for a moment, and is no worker: none is ever seen beside the one there is."""
    with worker(tmp_path):
        looker = WorkerSeat(tmp_path)
    assert looker.others() == 0

    def look(_: int) -> int:
        return WorkerSeat(tmp_path).others() + WorkerSeat(tmp_path).others(serving=True)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(look, range(400))) == {0}


def test_what_else_lies_in_the_folder_is_no_seat(tmp_path: Path) -> None:
    """Nor is a file without a lock."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name in ("0", "1.serving", "2.metrics", "README", ".serving", "x.serving"):
        (folder / name).touch()
    assert WorkerSeat(tmp_path).others() == WorkerSeat(tmp_path).others(serving=True) == 0


def test_a_folder_without_a_free_seat(tmp_path: Path) -> None:
    """Said in words, with the number."""
    seats = [WorkerSeat(tmp_path) for _ in range(MAX_SEATS)]
    for seat in seats:
        seat.take()
    with pytest.raises(StoreUnusableError, match=str(MAX_SEATS)):
        WorkerSeat(tmp_path).take()
    for seat in seats:
        seat.leave()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Said in words, with the folder."""
    (tmp_path / FOLDER).touch()
    with pytest.raises(StoreUnusableError, match=FOLDER):
        WorkerSeat(tmp_path).take()
