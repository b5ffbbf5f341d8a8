"""Files of every released version of the schema are brought to the newest, with all they hold."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.usage_ledger import Batch, Filter
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.infra.database.sqlite.changes import last
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from llmproxy.infra.database.sqlite.migrations import MIGRATIONS
from llmproxy.infra.database.sqlite.signing_key_repository import SqliteSigningKeyRepository
from llmproxy.infra.database.sqlite.usage_ledger import SqliteUsageLedger
from llmproxy.infra.database.sqlite.usage_prepared import prepared
from llmproxy.infra.database.sqlite.usage_rows import MARKS, NAMES
from tests.contract.sqlite_dumps import (
    DOCUMENTS,
    KEYS,
    PUT_AT,
    SIGNING_KEY,
    dump,
    record,
    recorded,
    restore,
)
from tests.fakes.clock import FakeClock
from tests.fakes.usage_ledger import call

OLDER = range(1, len(MIGRATIONS))

# Opens the file as the program does, and ends as by `kill -9` before a statement of its choice.
KILLED = """
import os, sqlite3, sys
from llmproxy.infra.database.sqlite.migrations import migrate

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
count = 0

def statement(text):
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), 9)

connection.set_trace_callback(statement)
migrate(connection, "file")
print(count)
"""


@pytest.mark.parametrize("version", OLDER)
def test_every_older_version_is_recorded(version: int) -> None:
    """A migration was added: record the version before it (see `sqlite_dumps`)."""
    assert recorded(version).exists()


@pytest.mark.parametrize("version", OLDER)
def test_released_steps_are_never_edited(version: int, tmp_path: Path) -> None:
    """The steps up to a version still make the schema that its program made."""
    restore(version, tmp_path / "recorded")
    with closing(sqlite3.connect(tmp_path / "made", isolation_level=None)) as made:
        for step in MIGRATIONS[:version]:
            for statement in step.statements:
                made.execute(statement)

    assert schema(tmp_path / "made") == schema(tmp_path / "recorded")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", OLDER)
async def test_all_content_is_found_after_the_upgrade(version: int, tmp_path: Path) -> None:
    """Models, keys and the signing key, as the older program has put them; feeds tell them all."""
    path = tmp_path / "store.sqlite3"
    restore(version, path)
    file = await SqliteFile.open(path)
    models = await SqliteDocumentRepository(file, "models").load_all()

    assert [each.document for each in models] == DOCUMENTS
    assert [list(each.document) for each in models] == [list(each) for each in DOCUMENTS]
    assert [each.updated_at for each in models] == [PUT_AT, PUT_AT, PUT_AT + 99.75]
    assert await SqliteKeyRepository(file).load_all() == KEYS
    projects = await SqliteDocumentRepository(file, "projects").load_all()
    assert [each.document for each in projects] == ([{"id": "équipe"}] if version > 2 else [])
    if version > 1:
        assert await SqliteSigningKeyRepository(file).keep(b"other") == SIGNING_KEY
    assert (await SqliteDocumentFeed(file, "models").everything()).changed == models
    assert (await SqliteKeyFeed(file).everything()).changed == KEYS
    await file.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("version", OLDER)
async def test_an_upgraded_file_is_used_like_a_new_one(version: int, tmp_path: Path) -> None:
    """Its schema is that of a new file, and it takes what the older one could not hold."""
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    restore(version, old)
    file = await SqliteFile.open(old)
    await (await SqliteFile.open(new)).close()
    keys = SqliteKeyRepository(file)
    limits = Limits((Rule(Measure.COST, Window.MONTH, 250_500_000_000),), 7)
    changed = replace(KEYS[1], replaces="key_bare", limits=limits)
    await keys.update(changed, expected=KEYS[1])
    await SqliteDocumentRepository(file, "projects").create({"id": "new"}, at=1)
    ledger = await SqliteUsageLedger.open(old, FakeClock(), keep_rows_days=0)
    await ledger.take(Batch("file", 0, 10, [call(1)], ended=True))

    assert await keys.get("key_full") == changed
    assert (await ledger.rows(Filter(), None, 10)).rows == [call(1)]
    await ledger.close()
    await file.close()
    assert columns(old) == columns(new)


@pytest.mark.asyncio
async def test_calls_of_version_4_stay(tmp_path: Path) -> None:
    """Each is there as it was, counted once, and known by its time and id from then on."""
    path = tmp_path / "store.sqlite3"
    restore(4, path)
    calls = [call(number, tags=("a",)) for number in (3, 1, 2)]
    rows = prepared(calls).rows
    with closing(sqlite3.connect(path)) as old:
        insert = f"INSERT INTO usage ({NAMES}) VALUES ({MARKS})"  # noqa: S608 - our own names
        old.executemany(insert, rows)
        old.commit()
    ledger = await SqliteUsageLedger.open(path, FakeClock(), keep_rows_days=0)
    again = call(2, outcome=Outcome.INTERRUPTED)
    await ledger.take(Batch("file", 0, 10, [again, call(4)], ended=True))

    found = (await ledger.rows(Filter(), None, 10)).rows
    assert found == [calls[1], calls[2], calls[0], call(4)]
    assert [each.requests for each in await ledger.sums(Filter(), ())] == [1]
    await ledger.close()


@pytest.mark.asyncio
async def test_an_unchanged_document_stays_unchanged(tmp_path: Path) -> None:
    """Etags are computed as they were: importing the same documents again changes nothing."""
    path = tmp_path / "store.sqlite3"
    restore(1, path)
    file = await SqliteFile.open(path)
    changes = await SqliteDocumentRepository(file, "models").put_all(DOCUMENTS, at=1)
    await file.close()

    assert set(changes) == {"unchanged"}


@pytest.mark.parametrize("version", OLDER)
def test_an_upgrade_that_is_killed_leaves_the_old_version(version: int, tmp_path: Path) -> None:
    """Whenever `kill -9` comes, the file is whole and old; the next start upgrades it."""
    path = tmp_path / "store.sqlite3"
    restore(version, path)
    before = dump(path)
    # Counted on a copy: all statements of the upgrade, from the look at the version to the commit.
    copy = tmp_path / "copy.sqlite3"
    restore(version, copy)
    count = int(killed_at(copy, 0).stdout)
    assert count > len(MIGRATIONS[-1].statements)

    # Statement 4 takes the lock (BEGIN IMMEDIATE); the last one is COMMIT.
    for number in (*range(5, count, 3), count):
        assert killed_at(path, number).returncode == -signal.SIGKILL
        assert dump(path) == before
    asyncio.run(opened(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM keys").fetchone() == (len(KEYS),)


@pytest.mark.asyncio
async def test_an_older_program_goes_on_with_a_file_that_was_upgraded(tmp_path: Path) -> None:
    """A worker of version 2 that still runs reads and writes as before; its changes are told."""
    path = tmp_path / "store.sqlite3"
    restore(2, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("PRAGMA trusted_schema = OFF")
        assert old.execute("SELECT count(*) FROM models").fetchone() == (3,)
        file = await SqliteFile.open(path)
        models, keys = SqliteDocumentFeed(file, "models"), SqliteKeyFeed(file)
        await models.everything()
        await keys.everything()
        # The statements of version 2's adapters.
        put = """INSERT INTO models (id, document, etag, updated_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET document = excluded.document, etag = excluded.etag,
            updated_at = excluded.updated_at"""
        old.execute(put, ("last", '{"id":"last","name":"New"}', "e" * 32, 5.0))
        old.execute(put, ("new", '{"id":"new"}', "f" * 32, 5.0))
        old.execute("DELETE FROM models WHERE id = ?", ("gpt-mini",))
        old.execute(
            """INSERT INTO keys (id, digest, prefix, project, models, admin, created_at,
            expires_at, revoked_at) VALUES ('key_new', ?, 'sk', NULL, NULL, 0, 5.0, NULL, NULL)""",
            ("ab" * 32,),
        )
        old.execute("UPDATE keys SET revoked_at = 6 WHERE id = 'key_bare' AND revoked_at IS NULL")
        old.execute("INSERT OR IGNORE INTO signing_keys VALUES ('seals', ?)", (b"x",))
        told, told_keys = await models.news(), await keys.news()

    assert told is not None
    assert {each.id: each.etag for each in told.changed} == {"last": "e" * 32, "new": "f" * 32}
    assert list(told.gone) == ["gpt-mini"]
    assert told_keys is not None
    assert {each.id: each.revoked_at for each in told_keys.changed} == {
        "key_new": None,
        "key_bare": 6.0,
    }
    await file.close()


@pytest.mark.asyncio
async def test_the_log_of_an_upgraded_file_begins_empty(tmp_path: Path) -> None:
    """What was there before is no change."""
    restore(2, tmp_path / "store.sqlite3")
    file = await SqliteFile.open(tmp_path / "store.sqlite3")

    assert await file.read(last) == 0
    await file.close()


def test_the_present_version_can_be_recorded(tmp_path: Path) -> None:
    """What `python -m tests.contract.sqlite_dumps` writes makes a file again that opens."""
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(record())

    assert asyncio.run(opened(path)) == [each["id"] for each in DOCUMENTS]


async def opened(path: Path) -> list[str]:
    """Open and close the file; return its models."""
    file = await SqliteFile.open(path)
    found = await SqliteDocumentRepository(file, "models").load_all()
    await file.close()
    return [each.id for each in found]


def killed_at(path: Path, statement: int) -> subprocess.CompletedProcess[str]:
    """Upgrade the file in a process of its own that ends at this statement."""
    command = [sys.executable, "-c", KILLED, str(path), str(statement)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def schema(path: Path) -> list[tuple[str, ...]]:
    """Return what the tables and indexes of a file are made with."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return [(name, " ".join((sql or "").split())) for name, sql in rows]


def columns(path: Path) -> list[tuple[object, ...]]:
    """Return every column, index and trigger of a file, however they came to be."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            'SELECT each.type, each.name, info.name, info.type, info."notnull", info.pk '
            "FROM sqlite_master AS each LEFT JOIN pragma_table_info(each.name) AS info "
            "ORDER BY each.type, each.name, info.cid"
        ).fetchall()
