"""What the doctor reads of a store before it asks it for the registry."""

import os
import sqlite3
from pathlib import Path

import pytest

from llmproxy.bootstrap.doctoring.scene import is_current
from llmproxy.bootstrap.store import FILE_NAME, open_sqlite
from llmproxy.infra.database.sqlite.inspection import inspect

HEAD_BYTES = 100
"""sqlite.org/fileformat.html, 1.3: the header of the database, at the beginning of its first page;
behind it begins the table of all tables."""


async def made_in(folder: Path) -> Path:
    """A store that was opened once, and closed."""
    store = await open_sqlite(folder)
    await store.close()
    return folder / FILE_NAME


@pytest.mark.asyncio
async def test_a_store_that_is_sound(tmp_path: Path) -> None:
    """It is ours, of the newest schema, and no page of it is at fault."""
    store = await made_in(tmp_path)
    seen = inspect(store)
    assert (seen.ours, seen.version, seen.faults) == (True, seen.newest, ())
    assert inspect(store, every_page=False) == seen
    assert is_current(store)


@pytest.mark.asyncio
async def test_only_the_head_says_which_schema_it_is(tmp_path: Path) -> None:
    """A large file is read once, by its check: what lies behind the head is found there."""
    store = await made_in(tmp_path)
    file = os.open(store, os.O_WRONLY)
    os.pwrite(file, b"\xff" * 100, HEAD_BYTES)
    os.close(file)
    with pytest.raises(sqlite3.DatabaseError):
        inspect(store)
    assert is_current(store)
