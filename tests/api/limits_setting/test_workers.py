"""A limit that each worker would count alone: not made, not served, or refused to start with."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.admin.administrator import ADMIN_KEY, HELLO, TAKES_EFFECT_S, Administrator
from tests.api.asking import within
from tests.api.documents import document
from tests.api.gateway import START_S, Gateway, command, run, serving
from tests.redis_server import running

LIMITS = {"requests_total": 1000}
FIVE = ("--limit", "requests_total=5")
MODELS = [document("echo", "Local", "Echo")]


@contextmanager
def worker(folder: Path, name: str, **settings: str) -> Iterator[Gateway]:
    """Serve from the data folder `folder/data`, one of several that do."""
    place = folder / name
    place.mkdir()
    told = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY, "LLMPROXY_DATA_DIR": str(folder / "data"), **settings}
    with serving(place, MODELS, told) as gateway:
        yield gateway


def refused(environment: Mapping[str, str]) -> str:
    """What a server says that must not start."""
    done = ended(environment, "serve")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "LLM Proxy serves at" not in done.stdout
    return done.stderr


def ended(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, however it ends."""
    return subprocess.run(
        [*command(), *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


def readiness(admin: Administrator) -> Any:  # noqa: ANN401
    """What administrators see of limits in `/health/ready`, None while they hold."""
    return admin.ask("GET", "/health/ready").json.get("limits")


def test_two_workers_without_limits(tmp_path: Path) -> None:
    """Both serve; a limit is made by neither, nor over their store, until one is left."""
    with worker(tmp_path, "one") as one:
        with worker(tmp_path, "two") as two:
            for gateway in (one, two):
                admin = Administrator(gateway)
                _, key = admin.new_key(project="alpha")
                assert within(TAKES_EFFECT_S, admin.chats(key, "echo"))
                refusal = admin.ask("POST", "/admin/keys", {"project": "a", "limits": LIMITS})
                assert (refusal.status, refusal.error["code"]) == (409, "limits_need_redis")
                assert "REDIS_URL" in refusal.error["message"]
                patch = {"limits": LIMITS}
                assert admin.ask("PATCH", "/admin/projects/alpha", patch).status == 409
                limited = MODELS[0] | {"limits": LIMITS}
                assert admin.ask("PUT", "/admin/models/echo", limited).status == 409
                assert readiness(admin) is None
            here = ended(
                one.environment, "projects", "limit", "alpha", "--limit", "requests_total=5"
            )
            assert (here.returncode, "REDIS_URL" in here.stderr) == (1, True)
        admin = Administrator(one)
        admin.done("PATCH", "/admin/projects/alpha", {"limits": LIMITS})
        run(one.environment, "projects", "limit", "alpha", *FIVE)


def test_a_second_worker_beside_limits(tmp_path: Path) -> None:
    """It does not start, in words; the first one goes on. It may follow it."""
    with worker(tmp_path, "one") as one:
        admin = Administrator(one)
        key_id, key = admin.new_key(project="alpha", limits=LIMITS)
        chats = admin.chats(key, "echo")
        assert within(TAKES_EFFECT_S, chats)
        for _ in range(3):
            said = refused(one.environment)
            assert f"key {key_id} is limited" in said
            assert "REDIS_URL" in said
            assert chats()
        assert readiness(admin) is None
    dead = pytest.raises(AssertionError, match="the server ended")
    with dead, worker(tmp_path, "killed") as killed:
        assert Administrator(killed).chats(key, "echo")()
        killed.process.kill()
        killed.process.wait()
    with worker(tmp_path, "three") as three:
        assert Administrator(three).chats(key, "echo")()


@pytest.mark.parametrize("kind", ["key", "project", "model"])
def test_many_replicas(tmp_path: Path, kind: str) -> None:
    """They start without limits, and make none; with one, of whatever, they do not start."""
    with worker(tmp_path, "one", REPLICAS="many") as one:
        admin = Administrator(one)
        refusal = admin.ask("POST", "/admin/keys", {"project": "a", "limits": LIMITS})
        assert (refusal.status, refusal.error["code"]) == (409, "limits_need_redis")
        assert "REPLICAS=many" in refusal.error["message"]
        here = ended(
            one.environment, "keys", "create", "--project", "a", "--limit", "requests_total=5"
        )
        assert here.returncode == 1
    alone = {**one.environment, "REPLICAS": "one"}
    words = {"key": "The key key_", "project": "The project a", "model": "The model echo"}
    if kind == "key":
        run(alone, "keys", "create", "--project", "a", *FIVE)
    elif kind == "project":
        run(alone, "projects", "limit", "a", *FIVE)
    else:
        limited = json.dumps(MODELS[0] | {"model_limits": LIMITS})
        run(alone, "models", "import", "-", given=limited)
    said = refused(one.environment)
    assert words[kind] in said
    assert "REPLICAS=many" in said
    with serving(tmp_path / "one", settings=alone):
        pass


def test_a_limit_written_into_the_store(tmp_path: Path) -> None:
    """While two workers serve, calls in its scope are refused, and health and log say so."""
    with worker(tmp_path, "one") as one, worker(tmp_path, "two") as two:
        desks = [Administrator(one), Administrator(two)]
        _, free = desks[0].new_key(project="free")
        _, bound = desks[0].new_key(project="bound")
        for desk in desks:
            for key in (free, bound):
                assert within(TAKES_EFFECT_S, desk.chats(key, "echo"))
        limited = json.dumps({"id": "bound", "limits": LIMITS})
        path = tmp_path / "data" / "llmproxy.sqlite3"
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            connection.execute(
                "INSERT INTO projects (id, document, etag, updated_at) VALUES ('bound', ?, 'x', 1)",
                (limited,),
            )
        for desk in desks:
            body = {"model": "echo", "messages": HELLO}
            chats = desk.chats(bound, "echo")
            assert within(TAKES_EFFECT_S, lambda chats=chats: not chats())
            answer = desk.with_key(bound).ask("POST", "/v1/chat/completions", body)
            assert (answer.status, answer.error["code"]) == (503, "limits_unenforceable")
            assert desk.chats(free, "echo")()
            told = readiness(desk)
            assert told["enforced"] is False
            assert "project bound" in told["reason"]
            assert readiness(desk.with_key(None)) == {"enforced": False}
            assert within(TAKES_EFFECT_S, lambda desk=desk: "REDIS_URL" in desk.gateway.log)
        desks[0].done("PATCH", "/admin/projects/bound", {"limits": None})
        for desk in desks:
            assert within(TAKES_EFFECT_S, desk.chats(bound, "echo"))
            assert readiness(desk) is None


def test_over_redis_everything_is_allowed(tmp_path: Path) -> None:
    """Limits are made beside other workers, which start beside limits, many or not."""
    with running(tmp_path / "redis") as redis, worker(tmp_path, "one", REDIS_URL=redis.url) as one:
        with worker(tmp_path, "two", REDIS_URL=redis.url, REPLICAS="many") as two:
            desks = [Administrator(one), Administrator(two)]
            keys = [desk.new_key(project="alpha", limits=LIMITS)[1] for desk in desks]
            run(two.environment, "projects", "limit", "alpha", "--limit", "requests_total=1000")
            for desk in desks:
                for key in keys:
                    assert within(TAKES_EFFECT_S, desk.chats(key, "echo"))
                assert readiness(desk) is None
        with worker(tmp_path, "three", REDIS_URL=redis.url) as three:
            assert Administrator(three).chats(keys[0], "echo")()
        without = {name: text for name, text in one.environment.items() if name != "REDIS_URL"}
        assert "another worker serves" in refused(without)
