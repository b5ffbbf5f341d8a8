"""Fills a SQLite file with many models and keys: `python -m bench.filling`, where the server is.

Reads a JSON object on standard input: `data_dir`, `documents` (an array) and `keys` (a number). All
goes through the gateway's own schema and codecs, in one transaction for either kind: to start its
command line for each of 100,000 keys would take a day. Prints the keys, one a line.
"""

import asyncio
import json
import secrets
import sqlite3
import sys
import time
from pathlib import Path

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.bootstrap.store import FILE_NAME
from llmproxy.domain.caller import key_digest
from llmproxy.infra.database.sqlite.changes import cut
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_rows import NAMES, row_of

_KEY_START = "sk-llmproxy-"
_KEYS_EACH = 10
"""Keys of one project."""
_MARKS = ", ".join("?" for _ in NAMES.split(","))
_ADD = f"INSERT INTO keys ({NAMES}) VALUES ({_MARKS})"  # noqa: S608 - names of columns


def stored_key(key: str, number: int, created_at: float) -> StoredKey:
    """Make what is kept of a key."""
    return StoredKey(
        id=f"key_{secrets.token_hex(8)}",
        digest=key_digest(key.encode()),
        prefix=key[: len(_KEY_START) + 4],
        project=f"project-{number // _KEYS_EACH}",
        models=None,
        admin=False,
        created_at=created_at,
    )


async def _fill(data_dir: Path, documents: list[dict[str, object]], keys: list[str]) -> None:
    now = time.time()
    stored = [stored_key(key, number, now) for number, key in enumerate(keys)]

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany(_ADD, map(row_of, stored))
        cut(connection)

    file = await SqliteFile.open(data_dir / FILE_NAME)
    try:
        await SqliteDocumentRepository(file, "models").put_all(documents, at=now)
        await file.write(work)
    finally:
        await file.close()


def main() -> None:
    """Read what is wanted, write it, and tell the keys."""
    asked = json.load(sys.stdin)
    keys = [f"{_KEY_START}{secrets.token_urlsafe(32)}" for _ in range(asked["keys"])]
    asyncio.run(_fill(Path(asked["data_dir"]), asked["documents"], keys))
    print("\n".join(keys))


if __name__ == "__main__":
    main()
