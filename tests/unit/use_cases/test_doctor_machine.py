"""What a doctor's checks find of doors and machine."""

from collections.abc import Sequence

import pytest

from llmproxy.application.use_cases.doctor.doors import Doors, look_at_doors
from llmproxy.application.use_cases.doctor.findings import Finding, Level
from llmproxy.application.use_cases.doctor.machine import (
    DAY_S,
    Files,
    Folder,
    Memory,
    look_at_certificate,
    look_at_files,
    look_at_folder,
    look_at_memory,
    look_at_skew,
)
from llmproxy.application.use_cases.doctor.spelling import misspelt
from llmproxy.domain.caller import Auth

GIB = 1024**3


def levels(found: Sequence[Finding]) -> list[str]:
    """The levels alone."""
    return [each.level.value for each in found]


def test_every_finding_that_is_not_ok_says_what_to_do() -> None:
    """The second sentence is never left out, whatever is looked at."""
    every = [
        *look_at_doors(doors(Auth.OPEN, any_origin=True)),
        *look_at_doors(doors(Auth.KEYS, keyless=True, env_file_open=".env", on_loopback=False)),
        *look_at_folder(folder(fault="read-only")),
        *look_at_folder(folder(locks=False, network="nfs4", free_bytes=0, shared_mode=True)),
        *look_at_files(Files(256, 256, 10_000, 10_000)),
        *look_at_memory(Memory(GIB, GIB, 0)),
        look_at_skew("Redis", 40.0),
        *misspelt(["REDIS_ULR"], ["REDIS_URL"]),
    ]
    assert all(each.what for each in every)
    assert all(each.todo for each in every if each.level is not Level.OK)
    assert [each for each in every if each.level is Level.OK] == []


# ------------------------------------------------------------------------------------------- doors


def doors(
    auth: Auth,
    *,
    on_loopback: bool = True,
    stage: str = "development",
    keyless: bool | None = False,
    env_file_open: str | None = None,
    any_origin: bool = False,
) -> Doors:
    """Doors of a gateway on this machine."""
    return Doors(
        auth,
        "127.0.0.1" if on_loopback else "0.0.0.0",  # noqa: S104 - only a word here
        on_loopback,
        stage,
        tls=False,
        admin_key=False,
        keyless=keyless,
        env_file_open=env_file_open,
        any_origin=any_origin,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (doors(Auth.LOCAL, keyless=True), ["ok"]),
        (doors(Auth.KEYS), ["ok"]),
        (doors(Auth.KEYS, keyless=None), ["ok"]),
        (doors(Auth.KEYS, keyless=True), ["problem"]),
        (doors(Auth.OPEN), ["warning"]),
        (doors(Auth.OPEN, stage="production"), ["problem"]),
        (doors(Auth.OPEN, on_loopback=False), ["problem", "warning"]),
        (doors(Auth.KEYS, on_loopback=False), ["warning"]),
        (doors(Auth.KEYS, env_file_open=".env"), ["warning"]),
        (doors(Auth.OPEN, any_origin=True), ["warning", "problem"]),
        (doors(Auth.KEYS, any_origin=True), ["ok"]),
    ],
)
def test_doors(given: Doors, expected: list[str]) -> None:
    """An open one is worse where others can reach it; one without a key lets nobody in."""
    assert levels(look_at_doors(given)) == expected


def test_tls_and_an_admin_key_are_enough() -> None:
    """Reachable by others, over TLS, with a key of the environment: all is well."""
    given = doors(Auth.KEYS, on_loopback=False, keyless=True)
    assert levels(look_at_doors(given._replace(tls=True, admin_key=True))) == ["ok"]


# ----------------------------------------------------------------------------------------- machine


def folder(**changes: object) -> Folder:
    """A good one."""
    good = Folder("/data", True, None, 10 * GIB, GIB, True, None)  # noqa: FBT003 - a tuple
    return good._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["ok"]),
        ({"exists": False}, ["ok"]),
        ({"fault": "nothing can be written there (Read-only file system)"}, ["problem"]),
        ({"locks": False}, ["problem"]),
        ({"network": "nfs4"}, ["warning"]),
        ({"free_bytes": GIB - 1}, ["warning"]),
        ({"free_bytes": GIB}, ["ok"]),
        ({"shared_mode": True}, ["warning"]),
    ],
)
def test_folders(changes: dict[str, object], expected: list[str]) -> None:
    """One that cannot be written or locked is a problem, one that may fill up a warning."""
    assert levels(look_at_folder(folder(**changes))) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (Files(None, None, 10_000, 10_000), "ok"),
        (Files(20_064, 20_064, 10_000, 10_000), "ok"),
        (Files(20_000, 20_000, 10_000, 10_000), "ok"),
        (Files(1024, 1024, 10_000, 10_000), "warning"),
        (Files(1024, None, 400, 10_000), "ok"),
    ],
)
def test_open_files(files: Files, expected: str) -> None:
    """Two connections for each request, and some to spare; a tenth too few is near enough."""
    assert levels(look_at_files(files)) == [expected]


def test_what_to_do_about_open_files() -> None:
    """The limit is raised where it may be; else the hard one must be."""
    raised = look_at_files(Files(1024, 1_048_576, 10_000, 10_000))[0]
    fixed = look_at_files(Files(1024, 4096, 10_000, 10_000))[0]
    assert raised.todo.startswith("ulimit -n 20064")
    assert "LimitNOFILE=20064" in fixed.todo
    assert "enough for 480 requests" in raised.what


def test_memory() -> None:
    """Bodies grow by 2.5 times their size, and the gateway needs something for itself."""
    assert levels(look_at_memory(Memory(4 * GIB, GIB, 0))) == ["ok"]
    assert levels(look_at_memory(Memory(2 * GIB, GIB, 0))) == ["warning"]


@pytest.mark.parametrize(
    ("skew_s", "level", "way"),
    [
        (-1.5, "ok", "agrees with"),
        (29.0, "ok", "agrees with"),
        (30.0, "warning", "ahead of"),
        (-31.0, "warning", "behind"),
        (301.0, "problem", "ahead of"),
    ],
)
def test_clocks(skew_s: float, level: str, way: str) -> None:
    """Half a minute is told; five minutes break tokens."""
    found = look_at_skew("Azure Cosmos DB", skew_s)
    assert (found.level.value, way in found.what) == (level, True)


def test_certificates() -> None:
    """Three weeks before its end there is a warning."""
    assert look_at_certificate("api.test:443", 21 * DAY_S) is None
    found = look_at_certificate("api.test:443", 3.5 * DAY_S)
    assert found is not None
    assert "ends in 3 days" in found.what
