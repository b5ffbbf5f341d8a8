"""SQLite files as text: what each released version of the schema has left behind.

`tests/recorded/sqlite/v1.sql` and so on were written by the program of that version. Before a new
migration is added, the present one is recorded:

    python -m tests.contract.sqlite_dumps > tests/recorded/sqlite/v3.sql
"""

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.caller import key_digest
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from llmproxy.infra.database.sqlite.signing_key_repository import SqliteSigningKeyRepository

RECORDED = Path(__file__).parent.parent / "recorded" / "sqlite"
_PRAGMAS = ("application_id", "user_version")

SIGNING_KEY = bytes(range(32))
DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": "gpt-mini",
        "code": "mini",
        "name": "GPT mini",
        "provider": "OpenAI",
        "model_type": "OpenAI",
        "projects": ["équipe"],
        "private": True,
        "parameters": {"model": "gpt-5-mini"},
        "costs": {"input": 0.001, "output": 0.002},
        "operations": ["ChatCompletion"],
    },
    {
        "name": 'it\'s "日本"\n',
        "id": "odd 'id'",
        "provider": "Local",
        "model_type": "Echo",
        "free": True,
        "operations": ["ChatCompletion"],
        "big": 10**30,
        "deep": {"a": [1, 1.5, -0.25, None, True, {}]},
    },
    {
        "id": "last",
        "provider": "Local",
        "model_type": "Echo",
        "free": True,
        "operations": ["ChatCompletion"],
    },
]
"""All that every recorded file holds, in order; the last one was put 99.75 s after the others."""
PUT_AT = 1700000000.25
BARE = StoredKey(
    id="key_bare",
    digest=key_digest(b"bare"),
    prefix="sk-llmproxy-bare",
    project=None,
    models=None,
    admin=False,
    created_at=1699999999.0,
)
FULL = StoredKey(
    id="key_full",
    digest=key_digest(b"full"),
    prefix="sk-llmproxy-full",
    project="équipe",
    models=frozenset({"gpt-4", 'a,"b'}),
    admin=True,
    created_at=1700000000.5,
    expires_at=2000000000.5,
)
REVOKED = StoredKey(
    id="key_revoked",
    digest=key_digest(b"revoked"),
    prefix="sk-llmproxy-revo",
    project="p",
    models=frozenset(),
    admin=False,
    created_at=1700000001.0,
    revoked_at=1700000002.5,
)
KEYS = [BARE, FULL, REVOKED]


def recorded(version: int) -> Path:
    """Return where the file of a schema version is recorded."""
    return RECORDED / f"v{version}.sql"


def dump(path: Path) -> str:
    """Return all that a file holds, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        marks = [
            f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};"
            for name in _PRAGMAS
        ]
        return "\n".join([*marks, *connection.iterdump()]) + "\n"


def restore(version: int, path: Path) -> None:
    """Make the file again that was recorded of a version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(recorded(version).read_text(encoding="utf-8"))


async def fill(path: Path) -> None:
    """Put into a new file what every recorded one holds."""
    file = await SqliteFile.open(path)
    models, keys = SqliteDocumentRepository(file, "models"), SqliteKeyRepository(file)
    await models.put_all(DOCUMENTS[:-1], at=PUT_AT)
    await models.put(DOCUMENTS[-1], at=PUT_AT + 99.75)
    await SqliteDocumentRepository(file, "projects").put({"id": "équipe"}, at=PUT_AT)
    for key in KEYS:
        await keys.add(key)
    await SqliteSigningKeyRepository(file).keep(SIGNING_KEY)
    await file.close()


def record() -> str:
    """Return the dump of a file of the present version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite3"
        asyncio.run(fill(path))
        return dump(path)


if __name__ == "__main__":
    sys.stdout.write(record())
