"""Models from a folder of files (MODELS_PATH), checked out anew all the time under load."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.registry.administrator import Administrator, echo
from tests.api.registry.conftest import ADMIN_KEY
from tests.api.registry.line import Line
from tests.api.registry.load import Load
from tests.api.registry.truth import ALL, Asked, Truth
from tests.api.registry.workers import WORKERS, Server, lines_to, two_workers

PER_SECOND = 60.0
CALLERS_OF_EACH = 4
FILES = 60
CHECKOUTS = 3
REWRITES = 8
UNLINKED_FOR_S = 0.001
"""git removes a changed file and writes it anew: unlink_entry and write_entry in its entry.c."""

_chance: Final = random.Random()  # noqa: S311 - no secret


def documents_of(revision: int) -> dict[str, dict[str, Any]]:
    """What a revision holds, by file: some come, some go, all change, `steady` stays."""
    found = {
        f"team-{number % 3}/m{number}.json": echo(
            f"id-m{number}", f"m{number}", description=f"revision {revision}"
        )
        for number in range(FILES)
        if number % 4 != revision % 4
    }
    return found | {"steady.json": echo("steady", "steady", description=f"revision {revision}")}


def check_out(folder: Path, revision: int) -> None:
    """Put a revision in place of another, as git does: file by file."""
    wanted = documents_of(revision)
    for path in folder.rglob("*.json"):
        if str(path.relative_to(folder)) not in wanted:
            path.unlink()
    for name, document in wanted.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        time.sleep(UNLINKED_FOR_S)
        path.write_text(json.dumps(document, indent=2))


@pytest.mark.asyncio
async def test_checkouts_under_load(tmp_path: Path, settings: dict[str, str]) -> None:
    """What stays is always served; a broken file takes its own documents with it only."""
    folder = tmp_path / "models"
    folder.mkdir()
    check_out(folder, 0)
    with two_workers(tmp_path, settings | {"MODELS_PATH": str(folder)}) as server:
        truth = Truth()
        truth.always("key admin", "")
        truth.always("model steady", ALL)
        for each in documents_of(0).values():
            truth.always(f"model {each['code']}", ALL)

        def choose() -> Asked:
            steady = _chance.random() < 0.4
            models = ["steady"] if steady else truth.things("model")
            return Asked("admin", _chance.choice(models), _chance.random() < 0.3)

        async with (
            Line(server.url) as desk,
            lines_to(server, ADMIN_KEY, "steady", each=CALLERS_OF_EACH) as lines,
        ):
            keys = {"admin": ADMIN_KEY}
            admin = Administrator(desk, ADMIN_KEY, list(dict(lines).items()), truth, keys)
            load = Load(keys, choose)
            async with load.on(lines, per_second=PER_SECOND):
                for revision in range(1, CHECKOUTS + 1):
                    await _checked_out(admin, folder, revision)
                await _written_anew(folder)
                await _broken_and_mended(admin, server, folder)
                await _moved_away_and_back(admin, folder)
                await _refuses_changes(admin, folder)
        load.check(truth)
        admin.changes.check(CHECKOUTS, WORKERS)


async def _checked_out(admin: Administrator, folder: Path, revision: int) -> None:
    codes = {each["code"] for each in documents_of(revision).values()}
    before = {each["code"] for each in documents_of(revision - 1).values()}
    said = {f"model {code}": ALL for code in codes - before}
    said |= {f"model {code}": None for code in before - codes}

    async def change() -> None:
        await asyncio.to_thread(check_out, folder, revision)

    last = max(said)
    await admin.past_the_gateway(change, said, Asked("admin", last.removeprefix("model ")))


async def _written_anew(folder: Path) -> None:
    """One file among many that stay, gone for as long as it takes to write it."""
    text = json.dumps(echo("steady", "steady"))

    def write() -> None:
        (folder / "steady.json").unlink()
        time.sleep(UNLINKED_FOR_S * 80)
        (folder / "steady.json").write_text(text)

    for _ in range(REWRITES):
        await asyncio.to_thread(write)
        await asyncio.sleep(_chance.uniform(0.2, 0.3))


async def _broken_and_mended(admin: Administrator, server: Server, folder: Path) -> None:
    """A half-written file is named with its line; all others stay."""
    file = folder / "team-0" / "broken.json"
    good = json.dumps([echo("id-b1", "b1"), echo("id-b2", "b2")], indent=2)
    for text, value in ((good, ALL), (good[: len(good) // 2], None), (good, ALL)):

        async def write(text: str = text) -> None:
            await asyncio.to_thread(file.write_text, text)

        said = {"model b1": value, "model b2": value}
        await admin.past_the_gateway(write, said, Asked("admin", "b2"))
        reasons = (await admin.ask("GET", "/health/ready")).json["models"]["reasons"]
        assert bool(reasons) == (value is None), reasons
        assert all("broken.json" in name for name in reasons)
    assert "broken.json" in server.log


async def _moved_away_and_back(admin: Administrator, folder: Path) -> None:
    """A folder that is not there is a store that is away: what was in it stays."""
    elsewhere = folder.with_name("elsewhere")
    await asyncio.to_thread(folder.rename, elsewhere)
    await _comes_true(admin, current=False)
    await asyncio.to_thread(elsewhere.rename, folder)
    await _comes_true(admin, current=True)


async def _comes_true(admin: Administrator, *, current: bool) -> None:
    until = time.monotonic() + 10.0
    while (await admin.ask("GET", "/health/ready")).json["registry"]["current"] != current:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


async def _refuses_changes(admin: Administrator, folder: Path) -> None:
    """The files are changed where they are kept; keys are changed as always."""
    reply = await admin.ask("POST", "/admin/models", echo("id-new", "new"))
    assert (reply.status, reply.code) == (409, "read_only"), reply.body
    assert str(folder) in reply.json["error"]["message"]
    await admin.make_key("someone", "alpha", "steady")
    await admin.revoke_key("someone", "steady")
