"""A disk without room, a store that is away: what is promised then, and that nothing is lost."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.ledger.world import World, world

PATIENCE_S = 60.0
CALLS = 100
LONG = ",".join(f"{number:0128}" for number in range(15))
"""Tags that make a line of 2 KiB."""


@contextmanager
def full_disk(there: World) -> Iterator[None]:
    """No file of the server may grow beyond what its journal has: RLIMIT_FSIZE, from outside."""
    [journal] = there.journals()
    _, hard = resource.prlimit(there.process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(there.process_id, resource.RLIMIT_FSIZE, (journal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.prlimit(there.process_id, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def locked_store(there: World) -> Iterator[None]:
    """Another process writes to the store and does not end."""
    with closing(sqlite3.connect(there.store, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def carried(there: World) -> bool:
    """Whether nothing waits."""
    figures = there.figures()
    return figures["waiting_lines"] == figures["unwritten"] == 0


def rows_of(there: World) -> list[str]:
    """The request ids of all rows."""
    return sorted(row["request_id"] for row in there.rows())


@pytest.mark.parametrize("setting", ["refuse", "serve"])
def test_a_full_disk(tmp_path: Path, setting: str) -> None:
    """Calls are refused before a provider sees them, or served; in both cases the log says so.

    When there is room again all is well, and every call that was answered has its row.
    """
    with world(tmp_path, {"LEDGER_FAILURE": setting}) as there:
        there.start()
        before = [there.ask() for _ in range(CALLS)]
        assert within(PATIENCE_S, lambda: carried(there))
        seen = len(there.seen())
        with full_disk(there):
            during = [there.ask(kind) for kind in ("plain", "stream", "retry", "plain")]
            unseen = len(there.seen()) == seen
        after = within(PATIENCE_S, lambda: there.ask().status == 200)
        assert within(PATIENCE_S, lambda: carried(there))
        figures = there.figures()
        there.stop()

        assert after
        answered = [asked.request_id for asked in there.asked if asked.status == 200]
        assert rows_of(there) == sorted(name for name in answered if name)
        assert {asked.status for asked in before} == {200}
        assert figures["lost"] == 0
        if setting == "refuse":
            assert {asked.status for asked in during} == {503}
            assert unseen, "a provider was asked for a call that cannot be recorded"
            assert figures["unjournalled"] == 0
        else:
            assert {asked.status for asked in during} == {200}
            assert figures["unjournalled"] >= len(during)
        assert "the journal cannot be written" in there.log
        assert there.log.count("the journal cannot be written: calls") == 1


def test_a_store_that_is_away(tmp_path: Path) -> None:
    """Calls are served as ever; what they were waits in the journal, and is carried later."""
    with world(tmp_path) as there:
        there.start()
        there.ask()
        assert within(PATIENCE_S, lambda: carried(there))
        with locked_store(there):
            during = [there.ask(kind) for kind in ("plain", "stream", "fail", "retry")]
            assert within(PATIENCE_S, lambda: there.figures()["failures_in_a_row"] > 0)
            figures = there.figures()
            assert (figures["waiting_lines"], figures["carried"]) == (4, 1)
            assert figures["behind_seconds"] > 0
        assert within(PATIENCE_S, lambda: carried(there))
        there.stop()

        assert [asked.status for asked in during] == [200, 200, 502, 200]
        assert len(there.rows()) == 5
        assert "the ledger does not take rows" in there.log
        assert "the ledger takes rows again" in there.log


def test_a_store_that_is_away_until_the_journal_is_full(tmp_path: Path) -> None:
    """At JOURNAL_MAX_BYTES calls are refused, as without room on the disk; then all is carried."""
    with world(tmp_path, {"JOURNAL_MAX_BYTES": str(1024 * 1024)}) as there:
        there.start()
        with locked_store(there):
            for _ in range(3000):
                if there.ask(tags=LONG).status == 503:
                    break
            assert there.asked[-1].status == 503
            assert sum(path.stat().st_size for path in there.journals()) <= 1024 * 1024
        assert within(PATIENCE_S, lambda: carried(there))
        assert within(PATIENCE_S, lambda: len(there.journals()) <= 2)
        assert there.ask().status == 200
        there.stop()

        answered = [asked.request_id for asked in there.asked if asked.status == 200]
        assert rows_of(there) == sorted(name for name in answered if name)
        assert len(answered) > 150
