"""Following a SQLite file: damage, changes by hand, a log that was cut, a store that is away."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmproxy.application.interfaces.feed import News
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.sqlite import changes, feed
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from tests.contract.sqlite_world import World, key, plan, told, write_back

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("text", ["[", "[]", '{"id": "other"}', "{}", b"\xff", b'{"id":"\xff"}'])
async def test_a_row_that_cannot_be_read_is_a_fault(tmp_path: Path, text: str | bytes) -> None:
    """It takes no other with it, is gone until it is mended, and stays a fault in all news."""
    world = await World.of(tmp_path, "a", "b", "c")
    damage = "UPDATE models SET document = CAST(? AS TEXT) WHERE id = 'b'"
    await world.sql(damage, text)
    await world.models.put({"id": "c", "name": "New"}, at=2)

    damaged = await world.feed.news()
    await world.models.put({"id": "d"}, at=2)
    later = await world.feed.news()
    fresh = await SqliteDocumentFeed(world.file, "models").everything()

    assert told(damaged) == (["c"], ["b"], ["b"])
    assert told(later) == (["d"], [], ["b"])
    assert told(fresh) == (["a", "c", "d"], [], ["b"])
    assert "llmproxy models remove b" in fresh.faults["b"]

    await world.models.put({"id": "b", "name": "Mended"}, at=3)
    assert told(await world.feed.news()) == (["b"], [], [])
    await world.sql(damage, text)
    assert told(await world.feed.news()) == ([], ["b"], ["b"])
    await world.models.delete("b")
    assert told(await world.feed.news()) == ([], ["b"], [])
    assert await world.feed.news() is None
    await world.file.close()


@pytest.mark.parametrize("damage", [("models", "{}"), ("models", "[1]"), ("digest", "xyz")])
async def test_a_damaged_key_opens_nothing(tmp_path: Path, damage: tuple[str, str]) -> None:
    """It is gone, and the others stay."""
    world = await World.of(tmp_path)
    for name in ("key_a", "key_b"):
        await world.keys.add(key(name))
    assert told(await world.key_feed.news()) == (["key_a", "key_b"], [], [])

    await world.sql(f"UPDATE keys SET {damage[0]} = ? WHERE id = 'key_a'", damage[1])  # noqa: S608

    assert told(await world.key_feed.news()) == ([], ["key_a"], ["key_a"])
    assert told(await SqliteKeyFeed(world.file).everything()) == (["key_b"], [], ["key_a"])
    await world.file.close()


async def test_changes_by_hand_are_told(tmp_path: Path) -> None:
    """Any statement at a prompt: a row renamed, some replaced, a key deleted."""
    world = await World.of(tmp_path, "a", "b", "c", "d")
    await world.keys.add(key("key_a"))
    await world.key_feed.news()
    with closing(sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)) as other:
        other.execute("""UPDATE models SET id = 'x', document = '{"id":"x"}' WHERE id = 'a'""")
        other.execute("""REPLACE INTO models VALUES (2, 'b', '{"id":"b","n":1}', 'e', 5)""")
        other.execute("DELETE FROM models WHERE id = 'd'")
        other.execute("DELETE FROM keys")

    news, keys = await world.feed.news(), await world.key_feed.news()

    assert told(news) == (["x", "b"], ["a", "d"], [])
    assert told(keys) == ([], ["key_a"], [])
    await world.file.close()


async def test_a_document_changed_by_hand_has_another_etag(tmp_path: Path) -> None:
    """Whoever compares etags sees the change, and who edits the old one is told of it."""
    world = await World.of(tmp_path, "a")
    before = await world.models.get("a")
    await world.sql("""UPDATE models SET document = '{"id":"a","name":"By hand"}'""")

    (changed,) = (await world.feed.news() or News()).changed

    assert before is not None
    assert changed.document["name"] == "By hand"
    assert changed.etag != before.etag
    assert await world.models.put({"id": "a", "name": "By hand"}, at=2) == "changed"
    after = await world.models.get("a")
    await world.models.put({"id": "a"}, at=3)
    again = await world.models.get("a")
    assert after is not None
    assert again is not None
    assert (after.etag == changed.etag, again.etag) == (False, before.etag)
    await world.file.close()


async def test_the_log_stays_small(tmp_path: Path) -> None:
    """However much is written; whoever is behind is told everything again, and what is gone."""
    world = await World.of(tmp_path, "first", "gone")
    await world.models.delete("gone")
    await world.models.put_all([{"id": f"m{n}"} for n in range(changes.KEPT + 50)], at=2)
    await world.models.put({"id": "last"}, at=3)

    count = await world.file.read(
        lambda connection: connection.execute("SELECT count(*) FROM changes").fetchone()[0]
    )
    changed, gone, faults = told(await world.feed.news())

    assert count == changes.KEPT
    assert (len(changed), gone, faults) == (changes.KEPT + 52, ["gone"], [])
    assert await world.feed.news() is None
    assert await world.key_feed.news() is None
    await world.file.close()


async def test_an_emptied_log_is_noticed(tmp_path: Path) -> None:
    """Somebody deleted it with a change in it: everything is told again."""
    world = await World.of(tmp_path, "a", "b")
    await world.models.delete("a")
    await world.sql("DELETE FROM changes")

    assert told(await world.feed.news()) == (["b"], ["a"], [])
    assert await world.feed.news() is None
    await world.models.put({"id": "c"}, at=2)
    assert told(await world.feed.news()) == (["c"], [], [])
    await world.file.close()


async def test_an_older_copy_in_place_is_noticed(tmp_path: Path) -> None:
    """A backup was written back while the gateway runs: what came after it is gone."""
    world = await World.of(tmp_path, "a", "b")
    write_back(tmp_path / "store.sqlite3", tmp_path / "copy")
    await world.models.put({"id": "later"}, at=2)
    await world.models.delete("a")
    assert told(await world.feed.news()) == (["later"], ["a"], [])
    write_back(tmp_path / "copy", tmp_path / "store.sqlite3")

    assert told(await world.feed.news()) == (["a", "b"], ["later"], [])
    await world.file.close()


async def test_nothing_is_skipped_while_the_store_is_away(tmp_path: Path) -> None:
    """Whichever read fails: the next answer tells what that one would have told."""
    count = feed.ROWS_IN_ONE_GO * 2 + 1
    names = sorted(f"m{n}" for n in range(count))
    for number in range(1, 5):
        folder = tmp_path / str(number)
        world = await World.of(folder)
        await world.models.put_all([{"id": name} for name in names], at=1)
        world.file.away_at = world.file.reads + number
        with pytest.raises(Unavailable):
            await world.feed.news()
        changed, gone, faults = told(await world.feed.news())
        assert (sorted(changed), gone, faults) == (names, [], [])

        world.file.away_at = world.file.reads + number
        with pytest.raises(Unavailable):
            await world.feed.everything()
        await world.models.delete(names[0])
        assert told(await world.feed.news()) == ([], [names[0]], [])
        assert len((await world.feed.everything()).changed) == count - 1
        await world.file.close()


async def test_what_changes_while_everything_is_read_is_told(tmp_path: Path) -> None:
    """The pages are not of one moment: the news that follow make up for it."""
    count = feed.ROWS_IN_ONE_GO * 2
    world = await World.of(tmp_path, *(f"m{n}" for n in range(count)))
    turns = iter(range(10))

    def change(connection: sqlite3.Connection) -> None:
        turn = next(turns)
        connection.execute("DELETE FROM models WHERE id = ?", (f"m{turn}",))
        connection.execute(
            "INSERT INTO models (id, document, etag, updated_at) VALUES (?, ?, 'e', 1)",
            (f"new{turn}", f'{{"id":"new{turn}"}}'),
        )

    world.file.between = change
    everything = await world.feed.everything()
    world.file.between = None
    known = {each.id for each in everything.changed}
    changed, gone, _ = told(await world.feed.news())

    held = {each.id for each in await world.models.load_all()}
    assert (known - set(gone)) | set(changed) == held
    assert {"m0", "m1"}.isdisjoint(held)
    await world.file.close()


async def test_a_change_costs_what_it_changes(tmp_path: Path) -> None:
    """No statement reads a table as a whole, neither for the look nor for the change."""
    world = await World.of(tmp_path, *(f"m{n}" for n in range(1000)))
    statements: list[str] = []
    await world.file.read(lambda connection: connection.set_trace_callback(statements.append))
    assert await world.feed.news() is None
    assert statements == ["PRAGMA data_version"]

    await world.models.put({"id": "m5", "name": "New"}, at=2)
    statements.clear()
    assert told(await world.feed.news()) == (["m5"], [], [])
    await world.file.read(lambda connection: connection.set_trace_callback(None))

    # The version, the end of the log, its beginning, its ids, the row.
    assert len(statements) == 5
    for statement in statements[1:]:
        assert "SCAN models" not in await plan(world.file, statement), statement
    assert "SEARCH changes USING INTEGER PRIMARY KEY" in await plan(world.file, statements[3])
    await world.file.close()


async def test_pages_are_found_by_an_index(tmp_path: Path) -> None:
    """Otherwise the last of many pages would read all rows before it."""
    world = await World.of(tmp_path)
    for one, index in ((world.feed, "PRIMARY KEY"), (world.key_feed, "keys_by_age")):
        found = await plan(world.file, one._table.page, *one._table.start)
        assert index in found
        assert "TEMP B-TREE" not in found
    await world.file.close()
