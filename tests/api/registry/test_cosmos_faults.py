"""Cosmos DB that throttles, is emptied or is away, before a gateway that goes on serving."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api.asking import Answer, ask, bearer, within
from tests.api.documents import SECRETS
from tests.api.gateway import command
from tests.api.registry.account import (
    RELOAD_S,
    TLS_IS_NOT_CHECKED,
    CosmosStore,
    account,
    hand_in,
)
from tests.api.registry.administrator import echo
from tests.api.registry.conftest import ADMIN_KEY
from tests.api.registry.load import MESSAGES
from tests.api.registry.truth import EVERYWHERE_WITHIN_S
from tests.api.registry.workers import Server, copied, one_worker
from tests.emulator.running import Emulator

pytestmark = TLS_IS_NOT_CHECKED

WARM_REQUESTS = 500
LOOKS_EVERY_S = 2.0
KINDS = 3
BACK_WITHIN_S = 12.0
START_S = 30.0
Row = Mapping[str, Any]
"""A key as it was made: `id`, `key` and more."""
LAST_GOOD = "registry.json"


@dataclass(frozen=True, slots=True)
class World:
    """A gateway, the account behind it, and a hand in it."""

    emulator: Emulator
    settings: dict[str, str]
    folder: Path
    server: Server
    store: CosmosStore
    kept: Row
    doomed: Row

    def admin(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Administer; what the answer says."""
        return administer(self.server.url, method, path, body)

    def chat(self, key: str = ADMIN_KEY) -> Answer:
        """Ask the steady model something."""
        return chat(self.server.url, key)

    @property
    def registry(self) -> dict[str, Any]:
        """What administrators are told of the registry."""
        return readiness(self.server.url)["registry"]  # type: ignore[no-any-return]


def administer(url: str, method: str, path: str, body: object) -> Any:  # noqa: ANN401
    """What an answer of the administration says."""
    answer = ask(url, f"/admin/{path}", method=method, headers=bearer(ADMIN_KEY), body=body)
    assert answer.status in (200, 201), answer.body
    return answer.json


def chat(url: str, key: str = ADMIN_KEY) -> Answer:
    """Ask the steady model something."""
    body = {"model": "steady", "messages": MESSAGES}
    return ask(url, "/v1/chat/completions", method="POST", headers=bearer(key), body=body)


def readiness(url: str) -> dict[str, Any]:
    """What administrators are told."""
    found: dict[str, Any] = ask(url, "/health/ready", headers=bearer(ADMIN_KEY)).json
    return found


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cosmos")
    with ExitStack() as stack:
        emulator, of_account = stack.enter_context(account(folder))
        settings = {**SECRETS, "LLMPROXY_ADMIN_KEY": ADMIN_KEY, **of_account}
        server = stack.enter_context(one_worker(folder, settings, name="gateway"))
        store = stack.enter_context(hand_in(emulator))
        kept, doomed = (
            administer(server.url, "POST", "keys", {"project": project})
            for project in ("kept", "doomed")
        )
        yield World(emulator, settings, folder, server, store, kept, doomed)


@pytest.fixture(name="world")
def _world(running: World) -> World:
    """All is well, and one model serves."""
    running.emulator.heal()
    running.admin("PUT", "models/id-steady", echo("id-steady", "steady"))
    assert within(BACK_WITHIN_S, lambda: running.registry["current"])
    assert within(EVERYWHERE_WITHIN_S, lambda: running.chat(running.kept["key"]).status == 200)
    return running


LEDGER_A_CARRY = 3
"""Requests for each batch: the last sums are looked for and written, some are folded."""


def test_a_warm_request_asks_no_store(world: World) -> None:
    """While hundreds are served the store sees what it sees of an idle gateway: looks."""
    world.emulator.seen()
    began = time.monotonic()
    for _ in range(WARM_REQUESTS):
        assert world.chat(world.kept["key"]).status == 200
    assert world.chat("sk-wrong").status == 401
    seen = world.emulator.seen()
    took_s = time.monotonic() - began
    others = [each for each in seen if "a-im" not in each["headers"]]
    # The SDK looks after the account's regions by itself, every five minutes at most; the journal
    # is carried to the ledger once a second, whatever the number of requests.
    ledger = [each for each in others if "/colls/usage" in each["url"]]
    assert [each for each in others if each["url"] != "/" and each not in ledger] == []
    assert len(ledger) <= LEDGER_A_CARRY * (took_s + 2), [each["url"] for each in ledger]
    looks = KINDS * (took_s / LOOKS_EVERY_S + 1 + took_s / RELOAD_S + 1)
    assert len(seen) - len(others) <= 2 * looks, f"{len(seen)} requests in {took_s:.1f} s"
    assert within(2 * LOOKS_EVERY_S, lambda: len(world.emulator.seen()) > 0), "nobody looks"


def test_a_storm_of_429_is_waited_for(world: World) -> None:
    """A throttled account is one that is away: nothing fails meanwhile, and it is said."""
    world.emulator.fail(status=429, headers={"x-ms-retry-after-ms": "20"}, times=100_000)
    assert within(BACK_WITHIN_S, lambda: len(world.registry["away"]) == KINDS)
    assert all("429" in reason for reason in world.registry["away"].values())
    for _ in range(50):
        assert world.chat().status == 200
    refused = ask(
        world.server.url,
        "/admin/models",
        method="POST",
        headers=bearer(ADMIN_KEY),
        body=echo("id-late", "late"),
    )
    assert (refused.status, refused.error["code"]) == (503, "service_unavailable")
    world.emulator.heal()
    assert within(BACK_WITHIN_S, lambda: world.registry["current"])


def test_a_key_that_is_deleted_in_the_portal_opens_nothing_after_a_reload(world: World) -> None:
    """The change feed does not tell of it; reading everything anew does."""
    row = world.admin("POST", "keys", {"project": "alpha"})
    assert within(EVERYWHERE_WITHIN_S, lambda: world.chat(row["key"]).status == 200)
    asyncio.run(world.store.forget_key(row["id"]))
    late_s = RELOAD_S + EVERYWHERE_WITHIN_S
    assert within(late_s, lambda: world.chat(row["key"]).status == 401)


def test_a_start_without_the_store(world: World, tmp_path: Path) -> None:
    """It serves from the last good state, in which a key is revoked as soon as it is refused.

    A state that is damaged is refused: there is nothing to serve from then, and the start says so.
    """
    saved = world.server.data / LAST_GOOD
    assert within(BACK_WITHIN_S, lambda: _holds(saved, world.kept["id"], world.doomed["id"]))
    world.admin("DELETE", f"keys/{world.doomed['id']}")
    assert within(EVERYWHERE_WITHIN_S, lambda: world.chat(world.doomed["key"]).status == 401)
    time.sleep(1.0)  # a tick, in which it is written
    world.emulator.away(on=True)
    whole = saved.read_bytes()
    damaged = {
        "missing": _started(world, tmp_path / "missing", None),
        "cut": _started(world, tmp_path / "cut", whole[: len(whole) // 2]),
        "changed": _started(world, tmp_path / "changed", whole.replace(b"steady", b"stolen")),
    }
    copied(world.server.data, world.folder / "next" / "data")
    with one_worker(world.folder, world.settings, name="next") as following:
        assert readiness(following.url)["registry"]["last_good_of"] is not None
        assert chat(following.url, world.kept["key"]).status == 200
        assert chat(following.url, world.doomed["key"]).status == 401
    for name, process in damaged.items():
        said = process.communicate(timeout=START_S)[1]
        assert process.returncode not in (0, None), name
        assert world.settings["COSMOS_URL"] in said, f"{name}: {said}"
        refused = "cannot be used: it was changed or cut" in said
        assert refused == (name != "missing"), f"{name}: {said}"
        assert "Traceback" not in said, f"{name}: {said}"


def _started(world: World, folder: Path, last_good: bytes | None) -> subprocess.Popen[str]:
    """Start a gateway on a copy of the data folder with another last good state."""
    copied(world.server.data, folder)
    (folder / LAST_GOOD).unlink()
    if last_good is not None:
        (folder / LAST_GOOD).write_bytes(last_good)
    environment = {"PATH": os.environ["PATH"], "PORT": "0", "LLMPROXY_DATA_DIR": str(folder)}
    return subprocess.Popen(
        [*command(), "serve"],
        env=environment | world.settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_emptied_account_does_not_empty_the_gateway(world: World) -> None:
    """Not while it runs, not when it starts anew, unless ACCEPT_EMPTY_REGISTRY says so."""
    key = world.kept["key"]
    saved = world.server.data / LAST_GOOD
    assert within(BACK_WITHIN_S, lambda: _holds(saved, "id-steady", world.kept["id"]))
    asyncio.run(world.store.empty())
    late_s = RELOAD_S + EVERYWHERE_WITHIN_S
    emptied = ["models", "keys"]
    assert within(late_s, lambda: world.registry["empty_not_believed"] == emptied)
    assert not world.registry["current"]
    assert world.chat(key).status == 200
    # Another replica, with the same disk.
    copied(world.server.data, world.folder / "again" / "data")
    with one_worker(world.folder, world.settings, name="again") as again:
        assert chat(again.url, key).status == 200
        assert readiness(again.url)["registry"]["empty_not_believed"] == emptied
    sure = world.settings | {"ACCEPT_EMPTY_REGISTRY": "on"}
    with one_worker(world.folder, sure, name="again") as again:
        assert readiness(again.url)["registry"]["current"]
        assert chat(again.url, key).status == 401
        assert chat(again.url).status == 404


def _holds(saved: Path, *ids: str) -> bool:
    """Whether these have been kept."""
    return saved.exists() and all(f'"{each}"'.encode() in saved.read_bytes() for each in ids)
