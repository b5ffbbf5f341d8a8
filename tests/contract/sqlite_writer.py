"""A program that changes a SQLite file until it is killed: `sqlite_writer.py FILE SEED`.

Before each change it prints what it is about to do, and after the commit that it is done.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.caller import key_digest
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository

Step = tuple[str, Sequence[str]]
DONE: Step = ("done", ())


def steps(seed: int) -> list[Step]:
    """Return what is done, in order: more than any run gets to."""
    chance = random.Random(seed)  # noqa: S311 - only to be various
    made: list[Step] = []
    earlier: dict[str, list[str]] = {"put": [], "put_all": [], "key": []}
    for number in range(5000):
        name = f"s{seed}n{number}"
        kind = chance.choice(("put", "put_all", "delete", "key", "revoke"))
        if kind in earlier:
            earlier[kind].append(name)
            batch = [f"{name}b{each}" for each in range(25)]
            made.append((kind, batch if kind == "put_all" else [name]))
        elif names := earlier["put" if kind == "delete" else "key"]:
            made.append((kind, [chance.choice(names)]))
    return made


def tell(step: Step) -> None:
    """Print a line that outlives this process."""
    sys.stdout.write(json.dumps(step) + "\n")
    sys.stdout.flush()


async def write(path: Path, seed: int) -> None:
    """Do it."""
    file = await SqliteFile.open(path)
    models, keys = SqliteDocumentRepository(file, "models"), SqliteKeyRepository(file)
    for kind, ids in steps(seed):
        tell((kind, ids))
        match kind:
            case "put" | "put_all":
                await models.put_all([{"id": each, "filler": "x" * 300} for each in ids], at=seed)
            case "delete":
                await models.delete(ids[0])
            case "key":
                await keys.add(key(ids[0]))
            case _:
                await keys.revoke(ids[0], 5.0)
        tell(DONE)


def key(name: str) -> StoredKey:
    """Make a key."""
    return StoredKey(
        id=name,
        digest=key_digest(name.encode()),
        prefix="sk-llmproxy-k",
        project="p",
        models=None,
        admin=False,
        created_at=1.0,
    )


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
