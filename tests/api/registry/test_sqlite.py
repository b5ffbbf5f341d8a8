"""The registry in its SQLite file, changed all the time while two workers serve."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tests.api.registry.administrator import Administrator
from tests.api.registry.conftest import ADMIN_KEY
from tests.api.registry.line import Line
from tests.api.registry.load import Load
from tests.api.registry.story import CHANGES, Plan, Store, begin, choice, leave_in_the_middle, tell
from tests.api.registry.truth import ALL, MUTE, Truth
from tests.api.registry.workers import WORKERS, Server, lines_to, two_workers
from tests.simulators.openai import OpenAISimulator

PER_SECOND = 60.0
CALLERS_OF_EACH = 6
FRESH = 20
FILE = "llmproxy.sqlite3"
PLAN = Plan((2,) * 10, (3,) * 8, (2,), (2,) * 2, (2,) * 3, (4,))


class SqliteStore(Store):
    """The file, opened by somebody else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    async def put(self, document: dict[str, Any]) -> None:
        await asyncio.to_thread(
            self._run,
            "INSERT INTO models (id, document, etag, updated_at) VALUES (?, ?, 'by hand', 1) "
            "ON CONFLICT (id) DO UPDATE SET document = excluded.document",
            document["id"],
            json.dumps(document),
        )

    @override
    async def delete(self, document: dict[str, Any]) -> None:
        await asyncio.to_thread(self._run, "DELETE FROM models WHERE id = ?", document["id"])

    def _run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            connection.execute(statement, values)


@pytest.mark.asyncio
async def test_200_changes_under_load(
    tmp_path: Path, settings: dict[str, str], simulator: OpenAISimulator
) -> None:
    """No request fails but those that must be refused; every change is everywhere within 5 s."""
    with two_workers(tmp_path, settings) as server:
        truth = Truth()
        keys = {"admin": ADMIN_KEY}
        truth.always("key admin", "")
        async with Line(server.url) as desk:
            async with lines_to(server, ADMIN_KEY, "echo", each=1) as watches:
                admin = Administrator(desk, ADMIN_KEY, watches, truth, keys)
                await begin(admin, simulator.base_url)
            async with lines_to(server, ADMIN_KEY, "echo", each=CALLERS_OF_EACH) as lines:
                admin = Administrator(desk, ADMIN_KEY, list(dict(lines).items()), truth, keys)
                load = Load(keys, choice(truth, keys))
                async with load.on(lines, per_second=PER_SECOND), asyncio.TaskGroup() as group:
                    group.create_task(tell([admin], SqliteStore(server.data / FILE), PLAN))
                    group.create_task(leave_in_the_middle(admin, server.url))
        load.check(truth)
        load.check_no_return(truth)
        admin.changes.check(CHANGES, WORKERS)
        await _agreed(server, truth)


async def _agreed(server: Server, truth: Truth) -> None:
    """Whoever is asked in the end, the answer is the same, and what it must be."""
    lists = []
    for _ in range(FRESH):
        async with Line(server.url) as line:
            reply = await line.ask("GET", "/v1/models", ADMIN_KEY)
            lists.append({each["id"] for each in reply.json["data"]})
    shown = (ALL, MUTE)
    known = {code for code in truth.things("model") if truth.now(f"model {code}") in shown}
    assert lists == [known | {"echo"}] * FRESH
