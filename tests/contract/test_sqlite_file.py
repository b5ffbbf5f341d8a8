"""The SQLite file: two connections and two processes on it, its modes, its schema, its failures."""

import asyncio
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.sqlite import migrations
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.migrations import APPLICATION_ID, MIGRATIONS
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio

OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from llmproxy.infra.database.sqlite import migrations
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository

async def main():
    file = await SqliteFile.open(Path(sys.argv[1]))
    await SqliteDocumentRepository(file, "models").put({"id": sys.argv[2]}, at=1)
    await file.close()

asyncio.run(main())
"""


async def put_elsewhere(path: Path, *names: str) -> None:
    """Put documents, each from a process of its own, all at the same time."""
    arguments = [[sys.executable, "-c", OTHER_PROCESS, str(path), name] for name in names]
    others = [await asyncio.create_subprocess_exec(*each) for each in arguments]
    assert [await other.wait() for other in others] == [0] * len(names)


async def test_two_connections_see_each_others_writes(tmp_path: Path) -> None:
    """The version of one grows with the other's write, and the document is there."""
    path = tmp_path / "store.sqlite3"
    one, two = await SqliteFile.open(path), await SqliteFile.open(path)
    try:
        before = await two.version()
        await SqliteDocumentRepository(one, "models").put(document(), at=1)

        assert await two.version() > before
        assert await SqliteDocumentRepository(two, "models").get("gpt-mini") is not None
    finally:
        await one.close()
        await two.close()


async def test_processes_share_a_file_from_its_first_moment(tmp_path: Path) -> None:
    """Several make the same new file at once; a connection that was open sees all their writes."""
    path = tmp_path / "store.sqlite3"
    await put_elsewhere(path, "a", "b", "c", "d")
    file = await SqliteFile.open(path)
    models = SqliteDocumentRepository(file, "models")
    try:
        assert {stored.id for stored in await models.load_all()} == {"a", "b", "c", "d"}
        before = await file.version()
        await put_elsewhere(path, "e")

        assert await file.version() > before
        assert await models.get("e") is not None
    finally:
        await file.close()


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """The folder is 0700, the file and its side files 0600, whatever the mask is."""
    folder = tmp_path / "made" / "here"
    file = await SqliteFile.open(folder / "store.sqlite3")
    try:
        await SqliteDocumentRepository(file, "models").put(document(), at=1)
        modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    finally:
        await file.close()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(modes) == {"store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm"}
    assert set(modes.values()) == {0o600}


async def test_an_open_mode_is_tightened(tmp_path: Path) -> None:
    """A file that somebody copied with a wide mode does not keep it."""
    path = tmp_path / "store.sqlite3"
    path.touch(0o666)
    path.chmod(0o666)

    await (await SqliteFile.open(path)).close()

    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_schema_has_a_version_and_a_history(tmp_path: Path) -> None:
    """`user_version` counts the steps, `migrations` tells when each was applied."""
    path = tmp_path / "store.sqlite3"
    await (await SqliteFile.open(path)).close()
    await (await SqliteFile.open(path)).close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        history = connection.execute("SELECT version, name FROM migrations").fetchall()
    assert history == [(n + 1, step.name) for n, step in enumerate(MIGRATIONS)]


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """With what to do, and without a change to it."""
    path = tmp_path / "store.sqlite3"
    await (await SqliteFile.open(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(StoreUnusableError, match="install the newer LLM Proxy"):
        await SqliteFile.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


async def test_foreign_files_are_refused_unchanged(tmp_path: Path) -> None:
    """Another program's database, and what is no database at all."""
    database, text = tmp_path / "other.sqlite3", tmp_path / "text.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    text.write_text("not a database " * 100)

    with pytest.raises(StoreUnusableError, match="another program"):
        await SqliteFile.open(database)
    with pytest.raises(StoreUnusableError, match="not a database"):
        await SqliteFile.open(text)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert text.read_text() == "not a database " * 100


async def test_a_migration_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    """All steps or none: what the failed one had made is gone, what was there is not."""
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("CREATE TABLE keys (left_over)")

    with pytest.raises(StoreUnusableError, match="table keys already exists"):
        await SqliteFile.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("keys",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)


async def test_a_migration_under_way_is_waited_for(tmp_path: Path) -> None:
    """Whoever comes while another process applies the steps finds them applied, once."""
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        for number, step in enumerate(MIGRATIONS):
            migrations._apply(other, number + 1, step)
        opening = asyncio.create_task(SqliteFile.open(path))
        await asyncio.sleep(0.2)
        assert not opening.done()
        other.execute("COMMIT")
        file = await opening

    assert await SqliteDocumentRepository(file, "models").load_all() == []
    await file.close()


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """The message names the path and the reason."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnusableError, match=r"cannot open .*store"):
        await SqliteFile.open(tmp_path / "file" / "store.sqlite3")


async def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Work that raises is rolled back whole, and the connection goes on working."""
    file = await SqliteFile.open(tmp_path / "store.sqlite3")
    models = SqliteDocumentRepository(file, "models")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO models VALUES (1, 'half', '{}', '', 0)")
        raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            await file.write(half)
        assert await models.load_all() == []
        await models.put(document(), at=1)
        assert len(await models.load_all()) == 1
    finally:
        await file.close()


async def test_a_locked_file_is_unavailable_for_the_moment(tmp_path: Path) -> None:
    """Another program that holds the lock: readers go on, writers are told to come again."""
    path = tmp_path / "store.sqlite3"
    file = await SqliteFile.open(path, busy_timeout_s=0.1)
    models = SqliteDocumentRepository(file, "models")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as caught:
                await models.put(document(), at=1)
            assert await models.load_all() == []
            other.execute("ROLLBACK")
        assert caught.value.retry_after_s == 1.0
        assert "locked" in caught.value.detail
        await models.put(document(), at=1)
    finally:
        await file.close()


@pytest.mark.parametrize("text", ["[", "[]", '{"id": "other"}', b"\xff"])
async def test_a_damaged_row_is_named(tmp_path: Path, text: str | bytes) -> None:
    """Somebody edited the file by hand: the message says which document, and how to go on."""
    file = await SqliteFile.open(tmp_path / "store.sqlite3")
    models = SqliteDocumentRepository(file, "models")
    damage = "UPDATE models SET document = CAST(? AS TEXT)"
    try:
        await models.put(document(), at=1)
        await file.write(lambda connection: connection.execute(damage, (text,)))

        with pytest.raises(StoreUnusableError, match="llmproxy models remove gpt-mini"):
            await models.load_all()
        assert await models.delete("gpt-mini")
        assert await models.load_all() == []
    finally:
        await file.close()


async def test_the_version_grows_with_every_change(tmp_path: Path) -> None:
    """And stands still while nothing changes: a look at it costs one number."""
    file = await SqliteFile.open(tmp_path / "store.sqlite3")
    models = SqliteDocumentRepository(file, "models")
    seen = [await file.version()]
    for work in (
        lambda: models.put(document(), at=1),
        lambda: models.put(document(name="New"), at=2),
        lambda: models.delete("gpt-mini"),
    ):
        await work()
        seen.append(await file.version())

    assert seen == sorted(set(seen))
    await models.load_all()
    await models.delete("gpt-mini")
    await models.put(document(), at=3)
    before = await file.version()
    await models.put(document(), at=4)
    await models.put_all([], at=5)
    assert await file.version() == before
    await file.close()


async def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    """Pages that hold something else: whoever asks is told that the store cannot be used now."""
    path = tmp_path / "store.sqlite3"
    file = await SqliteFile.open(path)
    models = SqliteDocumentRepository(file, "models")
    await models.put_all([document(id=f"m{n}") for n in range(1000)], at=1)
    await file.close()
    size = path.stat().st_size
    with path.open("r+b") as raw:  # documents, behind the pages of the schema
        raw.seek(size // 2)
        raw.write(b"\xa5" * (size // 2))

    file = await SqliteFile.open(path)
    with pytest.raises(Unavailable) as caught:
        await SqliteDocumentRepository(file, "models").load_all()
    assert "malformed" in caught.value.detail
    await file.close()


async def test_the_event_loop_never_waits(tmp_path: Path) -> None:
    """All work runs in the one worker thread of the file, which ends with it."""
    file = await SqliteFile.open(tmp_path / "store.sqlite3")
    threads = {await file.read(lambda _: threading.current_thread()) for _ in range(5)}
    threads |= {await file.write(lambda _: threading.current_thread())}
    await file.close()

    (worker,) = threads
    assert worker is not threading.current_thread()
    await asyncio.to_thread(worker.join, 10)
    assert not worker.is_alive()
